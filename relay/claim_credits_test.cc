// What a message that goes back, since the claim store is away, means for the credit that it came for.
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "claims/directory/store.h"
#include "core/observe/metrics.h"
#include "model/claim.h"
#include "ports/claim_payload.h"
#include "relay/claimed_queue.h"
#include "tests/support/relay_harness.h"
#include "tests/support/temporary_folder.h"

namespace asya::relay {
namespace {

constexpr std::chrono::seconds kPatience{20};
constexpr std::chrono::milliseconds kTimeout{1000};

// Does nothing by itself; keeps what it is asked for.
class KeptQueue final : public ports::MessageQueue {
 public:
  void Start(ports::ConsumerEvents& events) override { events_ = &events; }
  void Grant(std::size_t count) override { granted += count; }
  void RevokeCredits() override {}
  void Begin(ports::DeliveryTag /*tag*/, std::int64_t /*crash_count*/) override {}
  void Settle(std::shared_ptr<const ports::Settlement> settlement) override {
    const std::lock_guard lock(mutex_);
    settled_ = *settlement;
    changed_.notify_all();
  }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return 0; }
  void Stop(std::chrono::milliseconds /*grace*/) override {}

  void Deliver(std::uint64_t tag, const std::string& body) {
    std::vector<ports::Delivery> deliveries;
    deliveries.push_back(ports::Delivery{ports::DeliveryTag(tag), body, 0, {}});
    events_->OnDeliveries(std::move(deliveries));
  }
  bool IsGivenBack(std::uint64_t tag) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return settled_.has_value(); })) return false;
    const ports::Settlement settled = *std::exchange(settled_, std::nullopt);
    return settled.tag == ports::DeliveryTag(tag) && settled.action == ports::Settlement::Action::kGiveBack;
  }
  void Tell(std::uint64_t tag, Status status) { events_->OnSettled(ports::DeliveryTag(tag), std::move(status)); }

  std::size_t granted = 0;

 private:
  ports::ConsumerEvents* events_ = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<ports::Settlement> settled_;
};

class NobodyTold final : public ports::ConsumerEvents {
 public:
  void OnDeliveries(std::vector<ports::Delivery> /*deliveries*/) override { ADD_FAILURE(); }
  void OnStarted(ports::DeliveryTag /*tag*/, Status /*status*/) override { ADD_FAILURE(); }
  void OnSettled(ports::DeliveryTag /*tag*/, Status /*status*/) override { ADD_FAILURE(); }
  void OnConnection(bool /*connected*/, const std::string& /*reason*/) override {}
};

class ClaimCredits : public testing::Test {
 protected:
  ClaimCredits() {
    limits_.read_attempts = limits_.missing_attempts = 1;
    claimed.emplace(ClaimParts{queue, away_, metrics_, "asya_actor", observe::Logger::Silent(), false}, limits_);
    claimed->Start(nobody_);
    claims::directory::Store store(folder_.path() + "/claims");
    auto envelope = tests::RelayHarness().Make("e1", {"post"});
    envelope.payload = "\"" + std::string(100'000, 'x') + "\"";
    EXPECT_TRUE(ports::ClaimPayload(store, envelope, kTimeout).ok());
    body = SerializeEnvelope(envelope);
  }
  ~ClaimCredits() override {
    claimed->Stop(kTimeout);
    claimed.reset();  // before its store
  }

  KeptQueue queue;
  std::string body;
  std::optional<ClaimedQueue> claimed;

 private:
  class AwayStore final : public ports::ClaimStore {
   public:
    Result<bool> Put(const ports::ClaimKey&, std::string_view, std::chrono::milliseconds) override { return Away(); }
    Result<std::string> Get(const ports::ClaimKey&, std::size_t, std::chrono::milliseconds) override { return Away(); }
    Status SetMark(const std::string&, const std::string&, std::chrono::milliseconds) override { return Away(); }
    Result<bool> HasMark(const std::string&, const std::string&, std::chrono::milliseconds) override { return Away(); }
    Result<std::vector<ports::ClaimFolder>> List(const std::string&, std::size_t, std::chrono::milliseconds) override {
      return Away();
    }
    Result<ports::ClaimFolder> Look(const std::string&, std::chrono::milliseconds) override { return Away(); }
    Status Remove(const std::string&, const std::vector<std::string>&, std::chrono::milliseconds) override {
      return Away();
    }

   private:
    static Error Away() { return Fail(ErrorCode::kUnavailable, "away"); }
  };

  tests::TemporaryFolder folder_;
  AwayStore away_;
  observe::Metrics metrics_;
  ClaimLimits limits_;
  NobodyTold nobody_;
};

TEST_F(ClaimCredits, AreGrantedAgainHoweverTheMessageWent) {
  claimed->Grant(1);
  std::uint64_t tag = 0;
  const std::vector<Status> ways = {Ok(), Fail(ErrorCode::kConflict, "lost"), Fail(ErrorCode::kClosed, "")};
  for (const Status& status : ways) {
    queue.granted = 0;
    queue.Deliver(++tag, body);
    ASSERT_TRUE(queue.IsGivenBack(tag));
    queue.Tell(tag, status);
    EXPECT_EQ(queue.granted, 1U);
  }
}

TEST_F(ClaimCredits, AreNotGrantedAgainAfterTheyWereRevoked) {
  claimed->Grant(1);
  queue.Deliver(1, body);
  ASSERT_TRUE(queue.IsGivenBack(1));
  claimed->RevokeCredits();
  queue.Tell(1, Ok());
  EXPECT_EQ(queue.granted, 1U);
  queue.Deliver(2, body);  // it was under way
  ASSERT_TRUE(queue.IsGivenBack(2));
  queue.Tell(2, Ok());
  EXPECT_EQ(queue.granted, 1U);
}

TEST_F(ClaimCredits, OfWhatIsStillLeasedAreKeptForIt) {
  claimed->Grant(1);
  queue.Deliver(1, body);
  ASSERT_TRUE(queue.IsGivenBack(1));
  queue.Tell(1, Fail(ErrorCode::kUnavailable, "away"));
  EXPECT_EQ(queue.granted, 1U);
  ASSERT_TRUE(queue.IsGivenBack(1));
  queue.Tell(1, Ok());
  EXPECT_EQ(queue.granted, 2U);
}

}  // namespace
}  // namespace asya::relay
