// CancelFeed: tells every connected relay which tasks were canceled, so that none has to ask for each message.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/http/message.h"

namespace asya::gateway {

class CancelFeed {
 public:
  // Follows the stream until its peer is gone; `earlier` are sent first.
  void Add(const std::shared_ptr<http::Stream>& stream, const std::vector<std::string>& earlier);
  void Publish(const std::string& task_id);

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<http::Stream>> streams_;
};

}  // namespace asya::gateway
