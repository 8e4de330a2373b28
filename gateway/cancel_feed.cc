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

void CancelFeed::Add(const std::shared_ptr<http::Stream>& stream, const ReadEarlier& read_earlier) {
  alive_.Start(Periodic::Every(sign_of_life_));
  {
    const std::lock_guard lock(mutex_);
    streams_.push_back(stream);
  }
  const auto earlier = read_earlier();
  // Without a word before: a relay takes that for a feed that works, and would be back in a moment.
  if (!earlier.ok()) return stream->Close();
  std::string text = ":connected\n\n";
  for (const std::string& id : *earlier) text += Line(id);
  // A peer that is gone is forgotten at the next cancellation.
  static_cast<void>(stream->Write(std::move(text)));
}

void CancelFeed::Publish(const std::string& task_id) { Write(Line(task_id)); }

void CancelFeed::Write(const std::string& text) {
  const std::lock_guard lock(mutex_);
  streams_.erase(std::remove_if(streams_.begin(), streams_.end(),
                                [&](const std::shared_ptr<http::Stream>& stream) { return !stream->Write(text); }),
                 streams_.end());
}

}  // namespace asya::gateway
