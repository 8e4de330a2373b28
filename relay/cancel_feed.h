// CancelFeed: knows which tasks were canceled, from the gateway's feed; no request per envelope.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>

#include "relay/event_stream.h"
#include "relay/line_feed.h"

namespace asya::relay {

class CancelFeed final : public LineFeed::Reader {
 public:
  static constexpr std::size_t kTaskLimit = 10'000;  // the oldest are forgotten first
  static constexpr std::size_t kEventLimitBytes = 64U * 1024;

  // The gateway gives a sign of life every 15 s.
  static constexpr std::chrono::milliseconds kSilenceLimit{45'000};

  CancelFeed(Reactor& reactor, const Peer& gateway, Random& random,
             std::chrono::milliseconds silence_limit = kSilenceLimit);
  void Start() { feed_.Start(); }
  [[nodiscard]] bool IsCanceled(const std::string& task) const { return tasks_.count(task) > 0; }
  [[nodiscard]] std::size_t size() const { return tasks_.size(); }

  Status OnBody(std::string_view piece) override { return events_->Feed(piece); }
  void OnDisconnected(const std::string& reason) override;

 private:
  void Forget();
  Status TakeCanceled(std::string_view data);

  LineFeed feed_;
  std::unique_ptr<EventStream> events_;
  std::unordered_set<std::string> tasks_;
  std::deque<std::string> order_;
};

}  // namespace asya::relay
