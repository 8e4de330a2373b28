// FakeGateway: takes reports and feeds cancellations, as the gateway's internal API does.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/json/value.h"
#include "tests/support/unix_server.h"

namespace asya::tests {

class FakeGateway {
 public:
  explicit FakeGateway(const std::string& path);
  ~FakeGateway();
  FakeGateway(const FakeGateway&) = delete;
  FakeGateway& operator=(const FakeGateway&) = delete;

  // 204 unless changed.
  void AnswerWith(int status);
  // A batch with such an item is answered with 400.
  void Refuse(std::function<bool(const json::Value&)> item);
  // A batch with such an item is taken and waits for its answer until none is held any more.
  void Hold(std::function<bool(const json::Value&)> item);
  void Cancel(const std::string& task);
  // Waits until `wanted` holds for the items taken so far; false when patience ends.
  bool Wait(const std::function<bool(const std::vector<json::Value>&)>& wanted);
  // Waits until a feed has sent so many cancellations; the relay may still have to read them.
  bool WaitFed(std::size_t count);
  [[nodiscard]] std::vector<json::Value> items() const;
  [[nodiscard]] int refused() const;

 private:
  void Serve(ServedConnection& connection);
  void Feed(ServedConnection& connection);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<json::Value> items_;
  std::vector<std::string> canceled_;
  std::size_t fed_ = 0;  // of them, the most that one feed has sent
  int status_ = 204;
  std::function<bool(const json::Value&)> refuses_;
  std::function<bool(const json::Value&)> holds_;
  int refused_ = 0;
  bool stopping_ = false;
  std::unique_ptr<UnixServer> server_;
};

}  // namespace asya::tests
