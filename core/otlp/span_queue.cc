#include "core/otlp/span_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace asya::otlp {

SpanQueue::SpanQueue(observe::Metrics& metrics, const std::string& prefix)
    : exported_(metrics.MakeCounter(prefix + "_spans_exported_total", "Spans that a collector took.")),
      dropped_(metrics.MakeCounter(prefix + "_spans_dropped_total",
                                   "Spans dropped because too many waited or no collector took them.")) {}

void SpanQueue::Add(Span span) {
  bool tell = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kSpansWaitingMax) {
      dropped_.Add();
      return;
    }
    waiting_.push_back(std::move(span));
    tell = waiting_.size() == 1 || waiting_.size() == kSpansBatchMax;
  }
  if (tell && on_work_) on_work_();
}

std::vector<Span> SpanQueue::Take() {
  const std::lock_guard lock(mutex_);
  const auto count = static_cast<std::ptrdiff_t>(std::min(kSpansBatchMax, waiting_.size()));
  std::vector<Span> batch(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.begin() + count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  return batch;
}

std::size_t SpanQueue::size() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace asya::otlp
