// SpanQueue: spans on their way to a collector; what does not fit is dropped and counted.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/observe/metrics.h"
#include "core/otlp/span.h"

namespace asya::otlp {

inline constexpr std::size_t kSpansWaitingMax = 2048;
inline constexpr std::size_t kSpansBatchMax = 512;

// Thread safe.
class SpanQueue {
 public:
  // `prefix` of the metrics {prefix}_spans_exported_total and {prefix}_spans_dropped_total.
  SpanQueue(observe::Metrics& metrics, const std::string& prefix);

  // Before the first Add. Called (any thread, must not block) after a span was added to an empty queue, and when a
  // batch is full.
  void OnWork(std::function<void()> on_work) { on_work_ = std::move(on_work); }
  void Add(Span span);
  // At most a batch, the oldest first.
  std::vector<Span> Take();
  // What became of a batch that was taken.
  void Exported(std::size_t spans) const { exported_.Add(static_cast<double>(spans)); }
  void Dropped(std::size_t spans) const { dropped_.Add(static_cast<double>(spans)); }
  [[nodiscard]] std::size_t size() const;

 private:
  const observe::Counter exported_;
  const observe::Counter dropped_;
  std::function<void()> on_work_;
  mutable std::mutex mutex_;
  std::deque<Span> waiting_;
};

}  // namespace asya::otlp
