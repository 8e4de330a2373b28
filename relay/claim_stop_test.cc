// A relay that ends while its claim store is away: within its grace, and without a message lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <utility>

#include "core/base/executor.h"
#include "core/observe/metrics.h"
#include "relay/claimed_queue.h"
#include "tests/support/relay_harness.h"

namespace asya::relay {
namespace {

using tests::kPatience;
using tests::RelayHarness;
constexpr std::size_t kMessages = 5;  // more than there are writers

// Answers nothing until its time is over.
class SilentStore final : public ports::ClaimStore {
 public:
  Result<bool> Put(const ports::ClaimKey&, std::string_view, std::chrono::milliseconds timeout) override {
    return Wait(timeout);
  }
  Result<std::string> Get(const ports::ClaimKey&, std::size_t, std::chrono::milliseconds timeout) override {
    return Wait(timeout);
  }
  Status SetMark(const std::string&, const std::string&, std::chrono::milliseconds timeout) override {
    return Wait(timeout);
  }
  Result<bool> HasMark(const std::string&, const std::string&, std::chrono::milliseconds timeout) override {
    return Wait(timeout);
  }
  Result<std::vector<ports::ClaimFolder>> List(const std::string&, std::size_t,
                                               std::chrono::milliseconds timeout) override {
    return Wait(timeout);
  }
  Result<ports::ClaimFolder> Look(const std::string&, std::chrono::milliseconds timeout) override {
    return Wait(timeout);
  }
  Status Remove(const std::string&, const std::vector<std::string>&, std::chrono::milliseconds timeout) override {
    return Wait(timeout);
  }
  void EndBy(SteadyTime time) override {
    {
      const std::lock_guard lock(mutex_);
      end_by_ = std::min(end_by_, time);
    }
    changed_.notify_all();
  }
  bool WaitAsked() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [this] { return asked_; });
  }

 private:
  Error Wait(std::chrono::milliseconds timeout) {
    const SteadyTime until = RealClock().Steady() + timeout;
    std::unique_lock lock(mutex_);
    asked_ = true;
    changed_.notify_all();
    while (RealClock().Steady() < std::min(until, end_by_)) changed_.wait_until(lock, std::min(until, end_by_));
    return Fail(ErrorCode::kTimeout, "no answer");
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  SteadyTime end_by_ = SteadyTime::max();
  bool asked_ = false;
};

// Sends everything on with a payload that is large, from a thread of its own, as a relay does.
class LargeAnswers final : public ports::ConsumerEvents {
 public:
  explicit LargeAnswers(std::string body) : body_(std::move(body)) { executor_.Start(); }
  void Stop() { executor_.Stop(); }
  void OnDeliveries(std::vector<ports::Delivery> deliveries) override {
    for (const ports::Delivery& delivery : deliveries) {
      EXPECT_TRUE(executor_.Submit([this, tag = delivery.tag] {
        ports::Settlement settlement;
        settlement.tag = tag;
        settlement.publish.push_back({"asya-ns-post", body_, "m" + std::to_string(tag.get())});
        queue->Settle(std::move(settlement));
      }));
    }
  }
  void OnStarted(ports::DeliveryTag, Status) override {}
  void OnSettled(ports::DeliveryTag, Status status) override { EXPECT_FALSE(status.ok()); }
  void OnConnection(bool connected, const std::string&) override {
    if (connected) queue->Grant(kMessages);
  }
  ports::MessageQueue* queue = nullptr;

 private:
  const std::string body_;
  Executor executor_{1, kMessages};
};

TEST(ClaimStop, KeepsToItsGraceThoughTheStoreDoesNotAnswer) {
  RelayHarness harness;
  for (const char* actor : {"infer", "post"}) harness.MakeQueue(actor);
  for (std::size_t i = 0; i < kMessages; ++i) harness.Send(harness.Make("e" + std::to_string(i), {"post"}));
  auto answer = harness.Make("answer");
  answer.payload = "\"" + std::string(100'000, 'x') + "\"";
  LargeAnswers events(SerializeEnvelope(answer));
  SilentStore store;
  observe::Metrics metrics;
  ClaimLimits limits;
  limits.threshold_bytes = 8192;
  limits.call_timeout = std::chrono::hours(1);
  const auto consumer = harness.broker().NewConsumer("asya-ns-infer");
  ClaimedQueue claimed({*consumer, store, metrics, "asya_actor", observe::Logger::Silent(), false}, limits);
  events.queue = &claimed;
  claimed.Start(events);
  ASSERT_TRUE(store.WaitAsked());
  auto stopped = std::async(std::launch::async, [&] { claimed.Stop(std::chrono::milliseconds(100)); });
  EXPECT_EQ(stopped.wait_for(kPatience), std::future_status::ready);
  store.EndBy(RealClock().Steady());
  stopped.wait();
  events.Stop();
  EXPECT_EQ(harness.Stats("infer").visible, static_cast<std::int64_t>(kMessages));
  EXPECT_EQ(harness.Stats("post").arrived_total, 0);
}

}  // namespace
}  // namespace asya::relay
