#include "server/queue_directory.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/json/parse.h"
#include "transports/memory/broker.h"

namespace asya::server {
namespace {

TEST(QueueDirectory, ASecretThatIsMissingIsNoQueueThatIsMissing) {
  transports::memory::Broker local(RealClock());
  QueueDirectory directory(
      [](const json::Value&) -> Result<ports::Credentials::Values> {
        return Fail(ErrorCode::kNotFound, "there is no Secret asya-system/rabbit");
      },
      RealClock());
  directory.Start(local.Admin(), [](const json::Value&) { return false; });
  const json::Value transport =
      json::Parse(R"({"metadata":{"name":"rabbit"},"spec":{"type":"rabbitmq","rabbitmq":{"host":"nowhere"}}})").value();
  const auto admin = directory.For(transport);
  ASSERT_NE(admin, nullptr);
  const auto stats = admin->Stats("asya-team-echo");
  EXPECT_EQ(stats.error().code, ErrorCode::kUnavailable) << "else an actor goes, and its work stays behind";
  EXPECT_EQ(stats.error().message, "there is no Secret asya-system/rabbit");
  EXPECT_EQ(admin->Remove("asya-team-echo", false).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(admin->List().error().code, ErrorCode::kNotFound) << "by which the Transport says what is missing";
  directory.Stop();
}

class QueueDirectoryTest : public ::testing::Test {
 protected:
  // One that has every queue it is asked for; counted while it lives.
  class FakeBroker final : public RemoteBroker, public ports::QueueAdmin {
   public:
    FakeBroker(int& living, const bool& silent, const Clock& clock) : living_(living), silent_(silent), broker_(clock) {
      ++living_;
    }
    ~FakeBroker() override { --living_; }
    ports::QueueAdmin& admin() override { return *this; }
    Status Ensure(const ports::QueueSpec& spec) override { return broker_.Admin().Ensure(spec); }
    Status Remove(const std::string& name, bool force) override { return broker_.Admin().Remove(name, force); }
    Result<ports::QueueStats> Stats(const std::string& name) override { return broker_.Admin().Stats(name); }
    Result<std::vector<std::string>> List() override {
      if (silent_) return Fail(ErrorCode::kTimeout, "no answer");
      return broker_.Admin().List();
    }
    std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> on_work) override {
      return broker_.Admin().SubscribeHints(std::move(on_work));
    }
    ports::Publisher& publisher() override { return broker_.Publisher(); }
    [[nodiscard]] std::size_t MessageLimitBytes() const override { return 1; }
    std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
      return broker_.NewConsumer(queue);
    }

   private:
    int& living_;
    const bool& silent_;
    transports::memory::Broker broker_;
  };

  QueueDirectoryTest() {
    directory_.Start(local_.Admin(), [](const json::Value&) { return false; });
  }
  static json::Value Transport(const std::string& name, const std::string& host = "here") {
    return json::Parse(R"({"metadata":{"name":")" + name + R"("},"spec":{"type":"rabbitmq","rabbitmq":{"host":")" +
                       host + R"("}}})")
        .value();
  }

  FakeClock clock_;
  int living_ = 0;
  std::map<std::string, FakeBroker*> brokers_;  // made last, by Transport
  std::map<std::string, bool> silent_;          // Transports whose brokers do not answer
  ports::Credentials::Values secret_{{"ASYA_RABBITMQ_PASSWORD", "one"}};
  transports::memory::Broker local_{clock_};
  QueueDirectory directory_{
      [this](const json::Value&) -> Result<ports::Credentials::Values> { return secret_; }, clock_,
      [this](const json::Value& transport, const ports::Credentials::Values&, const Clock& clock) {
        const std::string name = transport.FindPath({"metadata", "name"})->AsString();
        auto made = std::make_unique<FakeBroker>(living_, silent_[name], clock);
        brokers_[name] = made.get();
        return Result<std::unique_ptr<RemoteBroker>>(std::move(made));
      }};
};

TEST_F(QueueDirectoryTest, AFormerConnectionLivesAsLongAsItsLastUse) {
  auto held = directory_.For(Transport("rabbit"));
  ASSERT_TRUE(held->Ensure({"asya-team-echo", "uid"}).ok());
  secret_["ASYA_RABBITMQ_PASSWORD"] = "two";
  static_cast<void>(directory_.For(Transport("rabbit")));
  clock_.Advance(std::chrono::hours(1));
  static_cast<void>(directory_.For(Transport("rabbit")));
  EXPECT_EQ(living_, 2);
  EXPECT_TRUE(held->Stats("asya-team-echo").ok()) << "whoever holds it may ask it at any time";
  held.reset();
  EXPECT_EQ(living_, 1) << "at once, and not ten minutes later";
}

TEST_F(QueueDirectoryTest, TheConnectionOfATransportThatIsGoneEndsWithItsLastQueue) {
  ASSERT_TRUE(directory_.For(Transport("rabbit"))->Ensure({"asya-team-echo", "uid"}).ok());
  static_cast<void>(directory_.For(Transport("other")));
  EXPECT_EQ(living_, 2);
  directory_.Forget("other");
  EXPECT_EQ(living_, 1);
  directory_.Forget("rabbit");
  EXPECT_TRUE(directory_.IsRemote("asya-team-echo")) << "its actor runs on there";
  EXPECT_EQ(living_, 1);
  EXPECT_TRUE(directory_.Remove("asya-team-echo", true).ok());
  EXPECT_EQ(living_, 0);
}

TEST_F(QueueDirectoryTest, WhatNobodyAsksForIsClosed) {
  static_cast<void>(directory_.For(Transport("gone")));
  clock_.Advance(std::chrono::minutes(11));
  static_cast<void>(directory_.For(Transport("rabbit")));
  EXPECT_EQ(living_, 1);
}

TEST_F(QueueDirectoryTest, ABrokerThatIsAwayHidesNoQueueOfAnother) {
  const auto rabbit = directory_.For(Transport("rabbit"));
  const auto other = directory_.For(Transport("other"));
  ASSERT_TRUE(rabbit->Ensure({"here", "1"}).ok());
  ASSERT_TRUE(rabbit->Ensure({"gone", "2"}).ok());
  ASSERT_TRUE(other->Ensure({"unknown", "3"}).ok());
  const std::vector<std::string> all = {"here", "gone", "unknown"};
  EXPECT_EQ(directory_.FindMissing(all).missing, std::vector<std::string>());
  const auto behind = [this](const std::string& queue) {
    EXPECT_TRUE(brokers_.at("rabbit")->Remove(queue, true).ok());
  };
  behind("gone");
  silent_["other"] = true;
  auto found = directory_.FindMissing(all);
  EXPECT_EQ(found.missing, std::vector<std::string>({"gone"}));
  ASSERT_EQ(found.silent.size(), 1U);
  EXPECT_EQ(found.silent.at("other").message, "no answer");
  silent_["other"] = false;
  found = directory_.FindMissing(all);
  EXPECT_EQ(found.missing, std::vector<std::string>({"gone"}));
  EXPECT_TRUE(found.silent.empty());
}

TEST_F(QueueDirectoryTest, TheEndClosesWhatIsHeldToo) {
  const auto held = directory_.For(Transport("rabbit"));
  directory_.Stop();
  EXPECT_EQ(living_, 0);
  EXPECT_EQ(held->Stats("asya-team-echo").error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace asya::server
