#include "gateway/cancel_feed.h"

#include <gtest/gtest.h>

#include <condition_variable>

namespace asya::gateway {
namespace {

class Written final : public http::Stream {
 public:
  bool Write(std::string bytes) override {
    const std::lock_guard lock(mutex_);
    text_ += bytes;
    changed_.notify_all();
    return true;
  }
  void Close() override {}
  void OnClosed(std::function<void()>) override {}
  bool Wait(const std::string& part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return text_.find(part) != std::string::npos; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
};

TEST(CancelFeed, WhatIsCanceledWhileTheEarlierOnesAreReadIsToldToo) {
  CancelFeed feed;
  const auto stream = std::make_shared<Written>();
  feed.Add(stream, [&feed] {
    feed.Publish("meanwhile");
    return std::vector<std::string>{"earlier"};
  });
  EXPECT_TRUE(stream->Wait(R"({"task":"earlier"})"));
  EXPECT_TRUE(stream->Wait(R"({"task":"meanwhile"})"));
}

TEST(CancelFeed, AFeedWithoutNewsShowsThatItIsThere) {
  CancelFeed feed(std::chrono::milliseconds(5));
  const auto stream = std::make_shared<Written>();
  feed.Add(stream, [] { return std::vector<std::string>(); });
  EXPECT_TRUE(stream->Wait(":keepalive\n\n:keepalive\n\n"));
}

}  // namespace
}  // namespace asya::gateway
