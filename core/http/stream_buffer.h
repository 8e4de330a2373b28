// StreamBuffer: the bounded hand-over of a streaming response from any thread to its connection.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/http/message.h"

namespace asya::http {

class StreamBuffer {
 public:
  // `limit_bytes`: with so many unsent a further write cuts the peer off. One write may go beyond.
  // `wake` is called (any thread, never under the lock) when there is something for the connection to do.
  StreamBuffer(std::size_t limit_bytes, std::function<void()> wake);

  // The writer's side; see Stream.
  bool Write(std::string bytes);
  void Close();
  void OnClosed(std::function<void()> callback);
  void OnDrained(std::size_t bytes, std::function<void()> callback);

  // The connection's side.
  struct Work {
    std::string bytes;
    bool end = false;  // nothing comes after these bytes
  };
  // What is waiting; the bytes count against the limit until Written().
  Work Take();
  void Written();
  // Over the limit: the peer was too slow.
  [[nodiscard]] bool cut_off() const;
  // The connection is gone or the response is complete.
  void Ended();

 private:
  void Finish(std::unique_lock<std::mutex> lock);

  const std::size_t limit_bytes_;
  std::function<void()> wake_;
  mutable std::mutex mutex_;
  std::string waiting_;
  std::size_t in_flight_bytes_ = 0;
  bool woken_ = false;
  bool end_ = false;
  bool cut_off_ = false;
  bool closed_ = false;
  std::vector<std::function<void()>> callbacks_;
  std::size_t drained_bytes_ = 0;
  std::function<void()> drained_;  // one at a time
};

// What the handler holds; dropped without Close(), it closes.
class BufferedStream final : public Stream {
 public:
  explicit BufferedStream(std::shared_ptr<StreamBuffer> buffer) : buffer_(std::move(buffer)) {}
  ~BufferedStream() override { buffer_->Close(); }
  BufferedStream(const BufferedStream&) = delete;
  BufferedStream& operator=(const BufferedStream&) = delete;
  bool Write(std::string bytes) override { return buffer_->Write(std::move(bytes)); }
  void Close() override { buffer_->Close(); }
  void OnClosed(std::function<void()> callback) override { buffer_->OnClosed(std::move(callback)); }
  void OnDrained(std::size_t bytes, std::function<void()> callback) override {
    buffer_->OnDrained(bytes, std::move(callback));
  }

 private:
  std::shared_ptr<StreamBuffer> buffer_;
};

}  // namespace asya::http
