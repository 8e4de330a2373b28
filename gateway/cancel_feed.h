// CancelFeed: tells every connected relay which tasks were canceled, so that none has to ask for each message.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/periodic.h"
#include "core/base/result.h"
#include "core/http/message.h"
#include "ports/task_store.h"

namespace asya::gateway {

class CancelFeed {
 public:
  // A feed with nothing to say says so as often as this: no end of a connection is seen while nobody writes.
  static constexpr std::chrono::milliseconds kSignOfLife{15'000};

  explicit CancelFeed(std::chrono::milliseconds sign_of_life = kSignOfLife);
  ~CancelFeed();
  CancelFeed(const CancelFeed&) = delete;
  CancelFeed& operator=(const CancelFeed&) = delete;

  // Tells the stream of tasks of `namespace_`, or of all, until its peer is gone. Earlier ones are asked for once it
  // follows: what is canceled meanwhile is told twice rather than never. Where they cannot be told the stream is
  // closed, so that its peer comes again.
  using ReadEarlier = std::function<Result<std::vector<ports::CanceledTask>>()>;
  void Add(const std::shared_ptr<http::Stream>& stream, std::optional<std::string> namespace_,
           const ReadEarlier& read_earlier);
  void Publish(const ports::CanceledTask& task);

 private:
  struct Follower {
    std::shared_ptr<http::Stream> stream;
    std::optional<std::string> namespace_;
  };
  // To those who follow this namespace; none: to all.
  void Write(const std::string& text, const std::optional<std::string>& namespace_);

  std::mutex mutex_;
  std::vector<Follower> followers_;
  Periodic alive_;
  const std::chrono::milliseconds sign_of_life_;
};

}  // namespace asya::gateway
