#include "relay/cancel_feed.h"

#include "core/json/parse.h"

namespace asya::relay {
namespace {

LineFeed::Source SourceAt(const Peer& gateway, std::chrono::milliseconds silence_limit) {
  LineFeed::Source source;
  source.peer = gateway;
  source.target = "/api/v1/cancellations";
  source.first_pause = std::chrono::milliseconds(200);
  source.longest_pause = std::chrono::milliseconds(10'000);
  source.silence_limit = silence_limit;
  return source;
}

}  // namespace

CancelFeed::CancelFeed(Reactor& reactor, const Peer& gateway, Random& random, std::chrono::milliseconds silence_limit)
    : feed_(reactor, SourceAt(gateway, silence_limit), *this, random) {
  Forget();
}

// What is half read belongs to the connection that ended; which tasks are canceled does not.
void CancelFeed::OnDisconnected(const std::string&) { Forget(); }

void CancelFeed::Forget() {
  events_ = std::make_unique<EventStream>(kEventLimitBytes, [this](std::string_view name, std::string_view data) {
    // What else a feed may come to tell of must not end a task for good.
    return name == "canceled" ? TakeCanceled(data) : Ok();
  });
}

Status CancelFeed::TakeCanceled(std::string_view data) {
  const auto value = json::Parse(data);
  const auto task = value.ok() ? value->GetString("task") : std::nullopt;
  if (!task || task->empty() || !tasks_.insert(*task).second) return Ok();
  order_.push_back(*task);
  if (order_.size() > kTaskLimit) {
    tasks_.erase(order_.front());
    order_.pop_front();
  }
  return Ok();
}

}  // namespace asya::relay
