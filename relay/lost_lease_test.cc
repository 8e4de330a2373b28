// A relay that is told of its events one by one: of leases that are kept over a lost connection, of calls that never
// got there.
#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "core/observe/metrics.h"
#include "relay/relay.h"

namespace asya::relay {
namespace {

using Begun = std::pair<std::uint64_t, std::int64_t>;

// Does nothing by itself; keeps what it is asked for.
class KeptQueue final : public ports::MessageQueue {
 public:
  void Start(ports::ConsumerEvents& /*events*/) override {}
  void Grant(std::size_t count) override { credits += count; }
  void RevokeCredits() override { credits = 0; }
  void Begin(ports::DeliveryTag tag, std::int64_t crash_count) override { begun.emplace_back(tag.get(), crash_count); }
  void Settle(std::shared_ptr<const ports::Settlement> settlement) override { settled.push_back(*settlement); }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return 1U << 20U; }
  void Stop(std::chrono::milliseconds /*grace*/) override {}

  std::size_t credits = 0;
  std::vector<Begun> begun;
  std::vector<ports::Settlement> settled;
};

// Calls end when and how the test says.
class KeptCalls final : public Callee {
 public:
  void Start(OnState /*on_change*/) override {}
  [[nodiscard]] const RuntimeState& state() const override { return state_; }
  void Invoke(std::string /*body*/, std::chrono::microseconds /*timeout*/, CallListener& /*listener*/,
              OnFinished on_finished) override {
    calls.push_back(std::move(on_finished));
  }
  // The first of those that run.
  void End(Finished::How how) {
    const OnFinished on_finished = std::move(calls.front());
    calls.pop_front();
    on_finished({how, "", nullptr});
  }

  std::deque<OnFinished> calls;

 private:
  RuntimeState state_;
};

class LostLease : public testing::Test {
 protected:
  explicit LostLease(std::int64_t concurrency = 1)
      : settings_(SettingsFor(concurrency)), relay_(settings_, {}, Parts(relay_metrics_), clock_.Now()) {
    relay_.RuntimeChanged({RuntimeState::Kind::kReady, ""});
    Connect();
  }

  static Settings SettingsFor(std::int64_t concurrency) {
    Settings settings;
    settings.actor = "infer";
    settings.namespace_ = "ns";
    settings.concurrency = concurrency;
    return settings;
  }
  void Connect() {
    relay_.OnConnection(true, "");
    relay_.Pump();
  }
  RelayParts Parts(RelayMetrics& metrics) {
    return {reactor_, queue_,           calls_,  nullptr, nullptr, nullptr,
            nullptr,  handler_metrics_, metrics, clock_,  random_, observe::Logger::Silent()};
  }
  // The credits of a lost connection are void.
  void Lose() {
    queue_.credits = 0;
    relay_.OnConnection(false, "lost");
    relay_.Pump();
  }
  void Deliver(std::uint64_t tag, const std::string& id, bool uses_credit = true, std::int64_t crash_count = 0) {
    model::Envelope envelope;
    envelope.id = id;
    envelope.route = {{"prep"}, "infer", {"post"}};
    envelope.status.phase = "pending";
    envelope.status.created_at = "2026-11-18T12:00:00Z";
    envelope.status.deadline_at = deadline_at_;
    envelope.payload = "1";
    std::vector<ports::Delivery> deliveries;
    deliveries.push_back(
        {ports::DeliveryTag(tag), SerializeEnvelope(envelope), crash_count, clock_.Now(), uses_credit});
    if (uses_credit && queue_.credits > 0) --queue_.credits;
    relay_.OnDeliveries(std::move(deliveries));
    relay_.Pump();
  }
  // Delivered, begun and called.
  void Run(std::uint64_t tag, const std::string& id) {
    Deliver(tag, id);
    Start(tag);
  }
  void Start(std::uint64_t tag) {
    relay_.OnStarted(ports::DeliveryTag(tag), Ok());
    relay_.Pump();
  }
  // With what crash count the last call was announced, and of which message.
  [[nodiscard]] Begun LastBegun() const { return queue_.begun.empty() ? Begun{} : queue_.begun.back(); }
  std::optional<ports::Settlement::Action> SettledAs(std::uint64_t tag) {
    for (const ports::Settlement& settlement : queue_.settled) {
      if (settlement.tag == ports::DeliveryTag(tag)) return settlement.action;
    }
    return std::nullopt;
  }

  std::string deadline_at_;
  const Settings settings_;
  Reactor reactor_;
  KeptQueue queue_;
  KeptCalls calls_;
  observe::Metrics metrics_;
  HandlerMetrics handler_metrics_{metrics_, "asya_actor", {}};
  RelayMetrics relay_metrics_{metrics_, "asya_actor", "asya-ns-infer", "postgres"};
  FakeClock clock_;
  Random random_{1};
  Relay relay_;
};

TEST_F(LostLease, ABusyRelayWantsNothingMoreOnceItHasItsOwnMessageBack) {
  Run(1, "long");
  ASSERT_EQ(calls_.calls.size(), 1U);
  EXPECT_EQ(queue_.credits, 0U);
  Lose();
  Connect();
  EXPECT_EQ(queue_.credits, 1U);
  Deliver(2, "long", false);
  EXPECT_EQ(queue_.credits, 0U);
}

TEST_F(LostLease, AnothersMessageThatWasUnderWayMeanwhileGoesBack) {
  Run(1, "long");
  Lose();
  Connect();
  Deliver(2, "long", false);
  Deliver(3, "other");
  EXPECT_EQ(SettledAs(3), ports::Settlement::Action::kGiveBack);
  EXPECT_FALSE(SettledAs(2));
}

TEST_F(LostLease, CrashesAreKnownAlthoughTheConnectionBreaksAfterwards) {
  Run(1, "poison");
  calls_.End(Finished::How::kLost);
  EXPECT_EQ(LastBegun(), Begun(1, 2));
  Lose();
  Connect();
  Deliver(2, "poison", false);
  EXPECT_EQ(LastBegun(), Begun(2, 2));
}

TEST_F(LostLease, ADeathWhileTheConnectionIsAwayIsCounted) {
  Run(1, "poison");
  Lose();
  calls_.End(Finished::How::kLost);
  Connect();
  Deliver(2, "poison", false);
  EXPECT_EQ(LastBegun(), Begun(2, 2));
}

TEST_F(LostLease, CrashesOfWhatWasOnItsWayBackAreKnown) {
  Run(1, "poison");
  relay_.RuntimeChanged({RuntimeState::Kind::kFailed, "broken"});
  calls_.End(Finished::How::kLost);
  relay_.RuntimeChanged({RuntimeState::Kind::kFailed, "still broken"});
  ASSERT_EQ(SettledAs(1), ports::Settlement::Action::kGiveBack);
  Lose();
  relay_.RuntimeChanged({RuntimeState::Kind::kReady, ""});
  Connect();
  Deliver(2, "poison", false);
  EXPECT_EQ(LastBegun(), Begun(2, 2));
}

TEST_F(LostLease, AHealthyMessageIsAsHealthyAfterwards) {
  Deliver(1, "good");
  Lose();
  Connect();
  Deliver(2, "good", false);
  EXPECT_EQ(LastBegun(), Begun(2, 1));
}

// Whoever cannot connect is told of each new reason.
TEST_F(LostLease, AReconnectIsAConnectionThatWasMadeAgain) {
  observe::Metrics shown;
  RelayMetrics metrics(shown, "asya_actor", "asya-ns-infer", "postgres");
  Relay relay(settings_, {}, Parts(metrics), clock_.Now());
  const auto reconnects = [&shown] {
    const std::string line = "\nasya_actor_reconnects_total{queue=\"asya-ns-infer\"} ";
    const std::string text = shown.Text();
    const std::size_t at = text.find(line);
    return at == std::string::npos ? "none" : text.substr(at + line.size(), 1);
  };
  relay.OnConnection(false, "refused");
  relay.OnConnection(false, "no such queue");
  relay.OnConnection(true, "");
  EXPECT_EQ(reconnects(), "0");
  relay.OnConnection(false, "cut");
  relay.OnConnection(false, "refused");
  EXPECT_EQ(reconnects(), "0");
  relay.OnConnection(true, "");
  EXPECT_EQ(reconnects(), "1");
}

TEST(KnownCrashes, TheOldestAreForgottenFirst) {
  KnownCrashes known;
  for (std::size_t i = 0; i <= KnownCrashes::kKnownMax; ++i) known.Keep(std::to_string(i), 2);
  known.Keep("1", 1);
  EXPECT_EQ(known.Take("0"), 0);
  EXPECT_EQ(known.Take("1"), 2);
  EXPECT_EQ(known.Take("1"), 0);
}

TEST_F(LostLease, AnOutcomeWaitsForItsMessageAsLongAsTheBrokerIsAway) {
  Run(1, "done");
  Lose();
  calls_.End(Finished::How::kInvalid);
  clock_.Advance(std::chrono::hours(1));
  Lose();
  Connect();
  Deliver(2, "done", false);
  EXPECT_EQ(SettledAs(2), ports::Settlement::Action::kAck);
  EXPECT_EQ(LastBegun(), Begun(1, 1));
}

class CallUnreached : public LostLease {};

TEST_F(CallUnreached, IsMadeAgainUntilItsDeadline) {
  deadline_at_ = FormatRfc3339(clock_.Now() + std::chrono::seconds(2));
  Run(1, "late");
  clock_.Advance(std::chrono::seconds(1));
  calls_.End(Finished::How::kUnreached);
  EXPECT_FALSE(SettledAs(1));
  EXPECT_EQ(relay_.in_flight(), 1U);
}

TEST_F(CallUnreached, EndsWithItsDeadlineAsTimeout) {
  deadline_at_ = FormatRfc3339(clock_.Now() + std::chrono::seconds(1));
  Run(1, "late");
  clock_.Advance(std::chrono::seconds(1));
  calls_.End(Finished::How::kUnreached);
  ASSERT_EQ(SettledAs(1), ports::Settlement::Action::kAck);
  ASSERT_EQ(queue_.settled[0].publish.size(), 1U);
  EXPECT_EQ(queue_.settled[0].publish[0].queue, "asya-ns-x-sink");
  EXPECT_EQ(model::ParseEnvelope(queue_.settled[0].publish[0].body)->status.reason, "Timeout");
}

class LostLeases : public LostLease {
 protected:
  LostLeases() : LostLease(2) {}
};

TEST_F(LostLeases, OfWhatHasNotBegunAreSubtractedFromWhatIsWanted) {
  Deliver(1, "a");
  Deliver(2, "b");
  Lose();
  Connect();
  EXPECT_EQ(queue_.credits, 2U);
  Deliver(3, "a", false);
  EXPECT_EQ(queue_.credits, 1U);
  Deliver(4, "b", false);
  EXPECT_EQ(queue_.credits, 0U);
}

TEST_F(LostLeases, WhoseMessagesDoNotComeAgainAreForgottenAMinuteAfterTheConnectionIsBack) {
  Run(1, "a");
  Run(2, "b");
  Lose();
  calls_.End(Finished::How::kInvalid);
  clock_.Advance(std::chrono::hours(1));
  Connect();
  clock_.Advance(std::chrono::minutes(1));
  calls_.End(Finished::How::kInvalid);
  Timer stop(reactor_);
  stop.After(std::chrono::microseconds(1), [this] { reactor_.Stop(); });
  reactor_.Run();
  Deliver(3, "a", false);
  EXPECT_EQ(LastBegun(), Begun(3, 1));
  Deliver(4, "b", false);
  EXPECT_EQ(SettledAs(4), ports::Settlement::Action::kAck);
}

TEST_F(LostLeases, OfASuspectThatRunsLeaveItAlone) {
  Run(1, "poison");
  calls_.End(Finished::How::kLost);
  Start(1);
  ASSERT_EQ(LastBegun(), Begun(1, 2));
  Lose();
  Connect();
  Deliver(2, "good");
  Deliver(3, "poison", false);
  EXPECT_EQ(LastBegun(), Begun(1, 2));
  calls_.End(Finished::How::kInvalid);
  EXPECT_EQ(LastBegun(), Begun(2, 1));
}

TEST_F(LostLeases, OfASuspectThatHasNotBegunHoldNobodyUp) {
  Run(1, "poison");
  calls_.End(Finished::How::kLost);
  ASSERT_EQ(LastBegun(), Begun(1, 2));
  Lose();
  Connect();
  Deliver(2, "good");
  EXPECT_EQ(LastBegun(), Begun(2, 1));
}

TEST_F(LostLeases, ThatSharedADeathWhileTheConnectionWasAwayRunAlone) {
  Run(1, "a");
  Run(2, "b");
  Lose();
  calls_.End(Finished::How::kLost);
  calls_.End(Finished::How::kLost);
  Connect();
  Deliver(3, "a", false);
  Deliver(4, "b", false);
  EXPECT_EQ(LastBegun(), Begun(3, 2));
}

}  // namespace
}  // namespace asya::relay
