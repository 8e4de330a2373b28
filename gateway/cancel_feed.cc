#include "gateway/cancel_feed.h"

#include <algorithm>
#include <utility>

#include "core/json/value.h"

namespace asya::gateway {
namespace {

std::string Line(const std::string& task_id) {
  return "event: canceled\ndata: " + json::Dump(json::Object{{"task", task_id}}) + "\n\n";
}

}  // namespace

CancelFeed::CancelFeed(std::chrono::milliseconds sign_of_life)
    : alive_([this, sign_of_life] {
        Write(":keepalive\n\n", std::nullopt);
        return Periodic::Every(sign_of_life);
      }),
      sign_of_life_(sign_of_life) {}

CancelFeed::~CancelFeed() { alive_.Stop(); }

void CancelFeed::Add(const std::shared_ptr<http::Stream>& stream, std::optional<std::string> namespace_,
                     const ReadEarlier& read_earlier) {
  alive_.Start(Periodic::Every(sign_of_life_));
  {
    const std::lock_guard lock(mutex_);
    followers_.push_back({stream, std::move(namespace_)});
  }
  const auto earlier = read_earlier();
  // Without a word before: a relay takes that for a feed that works, and would be back in a moment.
  if (!earlier.ok()) return stream->Close();
  std::string text = ":connected\n\n";
  for (const ports::CanceledTask& task : *earlier) text += Line(task.id);
  // A peer that is gone is forgotten at the next cancellation.
  static_cast<void>(stream->Write(std::move(text)));
}

void CancelFeed::Publish(const ports::CanceledTask& task) { Write(Line(task.id), task.namespace_); }

void CancelFeed::Write(const std::string& text, const std::optional<std::string>& namespace_) {
  const auto is_gone = [&](const Follower& follower) {
    if (namespace_ && follower.namespace_ && *follower.namespace_ != *namespace_) return false;
    return !follower.stream->Write(text);
  };
  const std::lock_guard lock(mutex_);
  followers_.erase(std::remove_if(followers_.begin(), followers_.end(), is_gone), followers_.end());
}

}  // namespace asya::gateway
