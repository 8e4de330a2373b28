// Loop: one I/O thread of the server with the connections that live on it. Internal to core/http.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>

namespace asya::http {

class Connection;

class Loop {
 public:
  boost::asio::io_context io{1};
  std::unordered_set<std::shared_ptr<Connection>> connections;  // used on the loop's thread only

  // Runs `work` on the loop's thread: at once when called there, else soon. False (and dropped) after Close().
  template <class Work>
  bool Run(Work work) {
    if (!io.get_executor().running_in_this_thread()) return Post(std::move(work));
    work();
    return true;
  }
  // The same, but never at once.
  template <class Work>
  bool Post(Work work) {
    const std::lock_guard lock(mutex_);
    if (open_) boost::asio::post(io, std::move(work));
    return open_;
  }

  void Start() {
    guard_.emplace(io.get_executor());
    thread_ = std::thread([this] { io.run(); });
  }
  // Ends the thread once nothing is pending, and refuses work from then on: what was posted late still holds
  // connections, which hold this loop, so it is run to its end here.
  void Close() {
    guard_.reset();
    if (thread_.joinable()) thread_.join();
    {
      const std::lock_guard lock(mutex_);
      open_ = false;
    }
    io.restart();
    io.poll();
  }

 private:
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guard_;
  std::thread thread_;
  std::mutex mutex_;
  bool open_ = true;
};

}  // namespace asya::http
