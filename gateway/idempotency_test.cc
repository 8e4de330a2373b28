#include <condition_variable>
#include <future>

#include "gateway/test_gateway.h"

namespace asya::gateway {
namespace {

constexpr const char* kBody = R"({"payload": 1, "idempotencyKey": "k"})";

// The machine's clock, by which it can be waited for that so many requests are prepared: each asks for the time once.
class CountedClock final : public Clock {
 public:
  [[nodiscard]] WallTime Now() const override {
    const std::lock_guard lock(mutex_);
    ++asked_;
    changed_.notify_all();
    return RealClock().Now();
  }
  [[nodiscard]] SteadyTime Steady() const override { return RealClock().Steady(); }
  void Await(int asked) const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_ >= asked; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int asked_ = 0;
};

class GatewayAtOnce : public Gateway {
 protected:
  GatewayAtOnce() { clock_ = &counted_; }
  CountedClock counted_;
};

TEST_F(GatewayAtOnce, OneOfManyWithAKeyIsTaken) {
  constexpr int kSame = 3;
  observe::Metrics metrics;
  deps_->metrics = GatewayMetrics(metrics);
  // The store is busy with another task until all with the key wait for it.
  on_enqueue_ = [this](const std::string& queue) {
    if (queue == "asya-default-slow") counted_.Await(1 + kSame);
  };
  auto slow = std::async(std::launch::async, [&] { return Call("POST", "/api/v1/tasks?actor=slow", "{}").status; });
  counted_.Await(1);
  std::vector<std::future<http::ClientResponse>> same;
  for (int i = 0; i < kSame; ++i) {
    same.push_back(std::async(std::launch::async, [&] { return Call("POST", "/api/v1/tasks?actor=a", kBody); }));
  }
  int created = 0;
  int in_flight = 0;
  for (auto& answer : same) {
    const http::ClientResponse response = answer.get();
    created += response.status == 201 ? 1 : 0;
    in_flight += response.status == 409 ? 1 : 0;
  }
  EXPECT_EQ(slow.get(), 201);
  EXPECT_EQ(created, 1);
  EXPECT_EQ(in_flight, kSame - 1);
  EXPECT_EQ(sent_.size(), 2U);
  EXPECT_NE(metrics.Text().find("asya_gateway_tasks_created_total 2\n"), std::string::npos) << metrics.Text();
}

// Hours before and after the store's, which is the machine's.
class GatewayOfAnotherTime : public Gateway, public ::testing::WithParamInterface<int> {
 protected:
  GatewayOfAnotherTime() : other_(RealClock().Now() + std::chrono::hours(GetParam())) { clock_ = &other_; }
  FakeClock other_;
};

TEST_P(GatewayOfAnotherTime, KnowsItsOwnTaskAgain) {
  const std::string id = CreateTask("actor=a", kBody);
  EXPECT_EQ(Call("POST", "/api/v1/tasks?actor=a", kBody).status, 409) << "in flight";
  Call("POST", "/api/v1/events", R"([{"task":")" + id + R"(","type":"status","status":"succeeded","result":7}])");
  const auto again = Call("POST", "/api/v1/tasks?actor=a", kBody);
  EXPECT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(json::Parse(again.body)->GetString("id"), id);
}

INSTANTIATE_TEST_SUITE_P(Hours, GatewayOfAnotherTime, ::testing::Values(-1, 1));

}  // namespace
}  // namespace asya::gateway
