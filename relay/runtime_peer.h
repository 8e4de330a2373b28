// RuntimePeer: calls the runtime over its Unix socket, one keep-alive connection for each call that runs at the same
// time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/invocation_reply.h"
#include "relay/stream.h"

namespace asya::relay {

// How a call ended.
struct Finished {
  enum class How {
    kReplied,    // `reply` is complete
    kInvalid,    // the reply broke the rules or a limit; `detail` says which
    kTimedOut,   // closed by us: the runtime cancels the call and kills the worker if it goes on; `detail`: after how
                 // long
    kLost,       // the connection ended before the reply: the worker died in the middle
    kUnreached,  // the call never got to the runtime
  };
  How how = How::kReplied;
  std::string detail;
  InvocationReply* reply = nullptr;  // lives until the callback returns
};

class RuntimePeer {
 public:
  using OnFinished = std::function<void(Finished)>;

  RuntimePeer(Reactor& reactor, Address address, const ReplyLimits& limits);
  ~RuntimePeer();
  RuntimePeer(const RuntimePeer&) = delete;
  RuntimePeer& operator=(const RuntimePeer&) = delete;

  // `listener` must live until `on_finished` was called. The caller keeps to its concurrency: each call is a
  // connection.
  void Invoke(std::string body, std::chrono::microseconds timeout, InvocationReply::Listener& listener,
              OnFinished on_finished);
  [[nodiscard]] std::size_t running() const { return links_.size() - idle_.size(); }

 private:
  struct Link;
  void Connect(std::uint64_t number);
  void Send(Link& link);
  void TakeData(std::uint64_t number, std::string_view bytes);
  void TakeEnd(std::uint64_t number, const Status& status);
  void Finish(std::uint64_t number, Finished finished, bool keep);
  Link* FindIdle();

  Reactor& reactor_;
  Address address_;
  ReplyLimits limits_;
  std::map<std::uint64_t, std::unique_ptr<Link>> links_;
  std::vector<std::uint64_t> idle_;
  std::uint64_t next_number_ = 1;
};

}  // namespace asya::relay
