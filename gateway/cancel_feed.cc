#include "gateway/cancel_feed.h"

#include <algorithm>

#include "core/json/value.h"

namespace asya::gateway {
namespace {

std::string Line(const std::string& task_id) {
  return "event: canceled\ndata: " + json::Dump(json::Object{{"task", task_id}}) + "\n\n";
}

}  // namespace

void CancelFeed::Add(const std::shared_ptr<http::Stream>& stream, const std::vector<std::string>& earlier) {
  const std::lock_guard lock(mutex_);
  std::string text = ":connected\n\n";
  for (const std::string& id : earlier) text += Line(id);
  if (stream->Write(std::move(text))) streams_.push_back(stream);
}

void CancelFeed::Publish(const std::string& task_id) {
  const std::lock_guard lock(mutex_);
  const std::string line = Line(task_id);
  streams_.erase(std::remove_if(streams_.begin(), streams_.end(),
                                [&](const std::shared_ptr<http::Stream>& stream) { return !stream->Write(line); }),
                 streams_.end());
}

}  // namespace asya::gateway
