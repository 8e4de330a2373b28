#include "gateway/cancel_feed.h"

#include <algorithm>

#include "core/json/value.h"

namespace asya::gateway {
namespace {

std::string Line(const std::string& task_id) {
  return "event: canceled\ndata: " + json::Dump(json::Object{{"task", task_id}}) + "\n\n";
}

}  // namespace

CancelFeed::CancelFeed(std::chrono::milliseconds sign_of_life)
    : alive_([this, sign_of_life] {
        Write(":keepalive\n\n");
        return Periodic::Every(sign_of_life);
      }),
      sign_of_life_(sign_of_life) {}

CancelFeed::~CancelFeed() { alive_.Stop(); }

void CancelFeed::Add(const std::shared_ptr<http::Stream>& stream,
                     const std::function<std::vector<std::string>()>& earlier) {
  alive_.Start(Periodic::Every(sign_of_life_));
  {
    const std::lock_guard lock(mutex_);
    if (!stream->Write(":connected\n\n")) return;
    streams_.push_back(stream);
  }
  // What is canceled from now on is published. So this misses nothing, and may tell something twice.
  std::string text;
  for (const std::string& id : earlier()) text += Line(id);
  if (!text.empty() && !stream->Write(std::move(text))) return;  // whoever writes next forgets it
}

void CancelFeed::Publish(const std::string& task_id) { Write(Line(task_id)); }

void CancelFeed::Write(const std::string& text) {
  const std::lock_guard lock(mutex_);
  streams_.erase(std::remove_if(streams_.begin(), streams_.end(),
                                [&](const std::shared_ptr<http::Stream>& stream) { return !stream->Write(text); }),
                 streams_.end());
}

}  // namespace asya::gateway
