// How often the management API is asked, and what is told while it does not answer.
#include "transports/rabbitmq/kept_numbers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>

#include "core/http/server.h"
#include "core/observe/log.h"
#include "tests/support/rabbitmq_vhost.h"
#include "transports/rabbitmq/administration.h"

namespace asya::transports::rabbitmq {
namespace {

using tests::RabbitmqVhost;

TEST(KeptNumbers, AreAskedForOnceInFiveSecondsWhateverBecomesOfIt) {
  FakeClock clock;
  int asked = 0;
  bool away = false;
  std::int64_t in_work = 1;
  KeptNumbers kept(
      [&]() -> Result<std::map<std::string, Management::QueueNumbers>> {
        ++asked;
        if (away) return Fail(ErrorCode::kTimeout, "away");
        return std::map<std::string, Management::QueueNumbers>{{"a", {in_work, 2, 3}}};
      },
      clock);
  EXPECT_EQ(kept.Of("a").numbers.unacknowledged, 1);
  EXPECT_EQ(kept.Of("new").numbers.unacknowledged, 0);
  in_work = 7;
  clock.Advance(std::chrono::seconds(4));
  EXPECT_EQ(kept.Of("a").numbers.unacknowledged, 1);
  EXPECT_EQ(asked, 1) << "of all queues";
  clock.Advance(std::chrono::seconds(1));
  EXPECT_EQ(kept.Of("a").numbers.unacknowledged, 7);
  EXPECT_FALSE(kept.Of("a").problem);
  away = true;
  clock.Advance(std::chrono::seconds(5));
  EXPECT_EQ(kept.Of("a").problem->message, "away");
  EXPECT_EQ(kept.Of("a").numbers.published, 2) << "totals that fell to nothing would look like a flood later";
  EXPECT_EQ(asked, 3) << "a call that fails by its time limit holds nobody up twice";
  away = false;
  clock.Advance(std::chrono::seconds(5));
  EXPECT_FALSE(kept.Of("a").problem);
}

// A management API as a test wants it, beside a real broker.
class FakeManagement {
 public:
  explicit FakeManagement(std::function<http::Response(const std::string& path)> answer) {
    http::Listen listen;
    listen.tcp = {"127.0.0.1", 0};
    server_ = http::Server::Create(
                  std::move(listen), {},
                  [this, answer = std::move(answer)](const http::Request& request, http::Responder responder) {
                    ++asked;
                    responder.Send(answer(request.path));
                  },
                  observe::Logger::Silent(), nullptr)
                  .value();
    server_->Start();
  }
  ~FakeManagement() { server_->Stop(std::chrono::milliseconds(0)); }
  FakeManagement(const FakeManagement&) = delete;
  FakeManagement& operator=(const FakeManagement&) = delete;
  [[nodiscard]] std::string url() const { return "http://" + server_->address(); }

  std::atomic<int> asked = 0;

 private:
  std::unique_ptr<http::Server> server_;
};

class ManagementThatIsAway : public testing::Test {
 protected:
  void SetUp() override {
    if (!RabbitmqVhost::IsThere()) GTEST_SKIP() << "needs tools/rabbitmq run";
    vhost_.emplace();
    AdministrationSettings settings;
    settings.address = vhost_->address(false);
    settings.management_url = management_.url();
    administration_.emplace(settings, RealClock());
    administration_->Start();
    ASSERT_TRUE(administration_->Ensure({"queue", "uid"}).ok());
  }
  void Publish() { ASSERT_TRUE(administration_->Publish({{"queue", "{}", "id"}}, std::chrono::seconds(30)).ok()); }

  std::atomic<bool> away_ = true;
  FakeManagement management_{[this](const std::string& path) {
    if (away_) return http::Response{503, "", "text/plain", {}};
    const std::string queue = R"({"name":"queue","messages_unacknowledged":4})";
    return http::Response{200, path.ends_with("/queue") ? queue : "[" + queue + "]", "application/json", {}};
  }};
  std::optional<RabbitmqVhost> vhost_;
  std::optional<Administration> administration_;
};

TEST_F(ManagementThatIsAway, KeepsNoActorFromBeingWoken) {
  Publish();
  const auto stats = administration_->Stats("queue");
  ASSERT_TRUE(stats.ok()) << stats.error().message;
  EXPECT_EQ(stats->visible, 1);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(administration_->Stats("queue").ok());
  EXPECT_LE(management_.asked, 1 + 20 / 5) << "not for each look";
}

TEST_F(ManagementThatIsAway, HidesNoWork) {
  EXPECT_EQ(administration_->Stats("queue").error().code, ErrorCode::kUnavailable)
      << "somebody may work on something: the queue does not count as empty";
  EXPECT_EQ(administration_->Remove("queue", false).error().code, ErrorCode::kUnavailable);
  away_ = false;
  EXPECT_EQ(administration_->Remove("queue", false).error().code, ErrorCode::kConflict) << "asked for this alone";
  EXPECT_TRUE(administration_->Remove("queue", true).ok());
}

}  // namespace
}  // namespace asya::transports::rabbitmq
