// CancelFeed: tells every connected relay which tasks were canceled, so that none has to ask for each message.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/periodic.h"
#include "core/base/result.h"
#include "core/http/message.h"

namespace asya::gateway {

class CancelFeed {
 public:
  // A feed with nothing to say says so as often as this: no end of a connection is seen while nobody writes.
  static constexpr std::chrono::milliseconds kSignOfLife{15'000};

  explicit CancelFeed(std::chrono::milliseconds sign_of_life = kSignOfLife);
  ~CancelFeed();
  CancelFeed(const CancelFeed&) = delete;
  CancelFeed& operator=(const CancelFeed&) = delete;

  // Follows the stream until its peer is gone. Earlier ones are asked for once it follows: what is canceled meanwhile
  // is told twice rather than never. Where they cannot be told the stream is closed, so that its peer comes again.
  using ReadEarlier = std::function<Result<std::vector<std::string>>()>;
  void Add(const std::shared_ptr<http::Stream>& stream, const ReadEarlier& read_earlier);
  void Publish(const std::string& task_id);

 private:
  void Write(const std::string& text);

  std::mutex mutex_;
  std::vector<std::shared_ptr<http::Stream>> streams_;
  Periodic alive_;
  const std::chrono::milliseconds sign_of_life_;
};

}  // namespace asya::gateway
