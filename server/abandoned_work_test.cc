#include "server/abandoned_work.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "transports/memory/broker.h"

namespace asya::server {
namespace {

constexpr const char* kQueue = "asya-team-infer";

class AbandonedWorkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    broker_.Start();
    ASSERT_TRUE(broker_.Admin().Ensure({kQueue, "uid"}).ok());
    for (int i = 0; i < 200; ++i) {
      const std::string body = "message " + std::to_string(i);
      ASSERT_TRUE(broker_.Publisher().Publish({{kQueue, body, body}}, std::chrono::milliseconds(1000)).ok());
    }
  }
  void TearDown() override { broker_.Stop(); }
  Result<std::int64_t> Take(const std::string& refused = "") {
    AbandonedWorkBox box([this](const json::Value&, const std::string& queue)
                             -> Result<std::unique_ptr<ports::MessageQueue>> { return broker_.NewConsumer(queue); },
                         [&](const std::string& body, const ports::AbandonedWork& work) -> Status {
                           EXPECT_EQ(work.namespace_, "team");
                           if (body == refused) return Fail(ErrorCode::kUnavailable, "the database is away");
                           letters_.insert(body);
                           return Ok();
                         },
                         RealClock(), {.all = std::chrono::seconds(60), .stop = std::chrono::seconds(30)});
    return box.Take({json::Value(), kQueue, "team", "infer", "the namespace is deleted"});
  }
  std::int64_t Left() {
    const auto stats = broker_.Admin().Stats(kQueue).value();
    return stats.visible + stats.delayed + stats.in_flight;
  }

  transports::memory::Broker broker_{RealClock()};
  std::set<std::string> letters_;
};

TEST_F(AbandonedWorkTest, AllThatWaitsBecomesDeadLetters) {
  EXPECT_EQ(Take().value(), 200);
  EXPECT_EQ(letters_.size(), 200U);
  EXPECT_EQ(Left(), 0);
}

TEST_F(AbandonedWorkTest, WhatCouldNotBeKeptStaysInItsQueue) {
  const auto taken = Take("message 100");
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().message, "the database is away");
  EXPECT_GE(Left(), 100);
  EXPECT_EQ(Left(), 200 - static_cast<std::int64_t>(letters_.size()));
  EXPECT_TRUE(Take().ok());
  EXPECT_EQ(letters_.size(), 200U);
}

}  // namespace
}  // namespace asya::server
