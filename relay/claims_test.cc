// Payloads that travel through the claim store: the handler sees them as ever, and none is lost or looked for for ever.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "claims/directory/store.h"
#include "core/base/sha256.h"
#include "model/claim.h"
#include "ports/claim_marks.h"
#include "ports/claim_payload.h"
#include "relay/claimed_queue.h"
#include "tests/support/fake_runtime.h"
#include "tests/support/relay_harness.h"

namespace asya::relay {
namespace {

using tests::FakeRuntime;
using tests::RelayHarness;
using Call = FakeRuntime::Call;
constexpr std::size_t kThreshold = 8192;
constexpr std::size_t kLargeBytes = 100'000;
constexpr std::chrono::milliseconds kTimeout{1000};

std::string Large(char c = 'x') { return "\"" + std::string(kLargeBytes, c) + "\""; }

// Counts the calls, and fails the first ones where it is told to.
class CountingStore final : public ports::ClaimStore {
 public:
  explicit CountingStore(const std::string& root) : inner_(root) {}
  Result<bool> Put(const ports::ClaimKey& key, std::string_view payload, std::chrono::milliseconds timeout) override {
    if (failing_puts-- > 0) return Fail(ErrorCode::kUnavailable, "away");
    auto put = inner_.Put(key, payload, timeout);
    if (put.ok() && *put) ++written;
    return put;
  }
  Result<std::string> Get(const ports::ClaimKey& key, std::size_t limit, std::chrono::milliseconds timeout) override {
    ++gets;
    if (failing_gets-- > 0) return Fail(ErrorCode::kUnavailable, "away");
    return inner_.Get(key, limit, timeout);
  }
  Status SetMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) override {
    if (failing_marks-- > 0) return Fail(ErrorCode::kUnavailable, "away");
    return inner_.SetMark(folder, mark, timeout);
  }
  Result<bool> HasMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) override {
    return inner_.HasMark(folder, mark, timeout);
  }
  Result<std::vector<ports::ClaimFolder>> List(const std::string& after, std::size_t limit,
                                               std::chrono::milliseconds timeout) override {
    return inner_.List(after, limit, timeout);
  }
  Result<ports::ClaimFolder> Look(const std::string& folder, std::chrono::milliseconds timeout) override {
    return inner_.Look(folder, timeout);
  }
  Status Remove(const std::string& folder, const std::vector<std::string>& names,
                std::chrono::milliseconds timeout) override {
    return inner_.Remove(folder, names, timeout);
  }

  std::atomic<int> written = 0;
  std::atomic<int> gets = 0;
  std::atomic<int> failing_puts = 0;
  std::atomic<int> failing_gets = 0;
  std::atomic<int> failing_marks = 0;

 private:
  claims::directory::Store inner_;
};

class ClaimsTest : public testing::Test {
 protected:
  ClaimsTest() {
    limits.threshold_bytes = kThreshold;
    limits.first_pause = std::chrono::milliseconds(1);
    limits.longest_pause = std::chrono::milliseconds(2);
    harness.limits.has_claim_store = true;
    harness.limits.first_settle_pause = std::chrono::milliseconds(1);
  }
  ~ClaimsTest() override {
    if (!service_) return;
    service_->Shutdown();
    thread_.join();
    service_.reset();
  }

  // The relay of the harness, with the store between it and its queue.
  void Start() {
    for (const char* actor : {"infer", "post", "x-sink", "x-sump"}) harness.MakeQueue(actor);
    const std::string& actor = harness.settings.actor;
    consumer_ = harness.broker().NewConsumer(model::QueueName("ns", actor));
    claimed_ =
        std::make_unique<ClaimedQueue>(ClaimParts{*consumer_, store, metrics_, harness.settings.metrics_namespace,
                                                  observe::Logger::Silent(), actor == "x-sump"},
                                       limits);
    service_ = std::make_unique<Service>(harness.settings, harness.limits, *claimed_, metrics_, RealClock(),
                                         observe::Logger::Silent());
    ASSERT_TRUE(service_->Open().ok());
    thread_ = std::thread([this] { service_->Run(); });
  }

  // An envelope for the relay whose payload lies in the store.
  model::Envelope Claimed(const std::string& id, const std::string& payload) {
    auto envelope = harness.Make(id, {"post"});
    envelope.payload = payload;
    EXPECT_TRUE(ports::ClaimPayload(store, envelope, kTimeout).ok());
    store.written = 0;
    return envelope;
  }
  ports::ClaimHolders Holders(const std::string& root) { return ports::HoldersOf(*store.Look(root, kTimeout)); }
  // The relay is that of an end actor from now on.
  void BecomeEnd(const std::string& actor) {
    harness.settings.actor = actor;
    harness.settings.is_end_actor = true;
  }
  std::string StoredPayload(const model::Envelope& envelope) {
    const auto claim = model::ClaimOf(envelope);
    if (!claim) return "no reference";
    const auto read = ports::ReadClaim(store, {claim->root, claim->sha256}, claim->bytes, kTimeout);
    return read.ok() ? *read : read.error().message;
  }

  tests::TemporaryFolder folder;
  CountingStore store{folder.path() + "/claims"};
  RelayHarness harness;
  ClaimLimits limits;

 private:
  observe::Metrics metrics_;
  std::unique_ptr<ports::MessageQueue> consumer_;
  std::unique_ptr<ClaimedQueue> claimed_;
  std::unique_ptr<Service> service_;
  std::thread thread_;
};

TEST_F(ClaimsTest, TheHandlerSeesTheWholePayload) {
  std::string seen;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    seen = call.body();
    call.Return("\"done\"");
  });
  Start();
  const auto sent = Claimed("e1", Large());
  harness.Send(sent);
  const auto taken = harness.Take("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, "\"done\"");
  EXPECT_FALSE(model::ClaimOf(*taken).has_value());
  EXPECT_TRUE(HoldsClaims(*taken));
  auto whole = sent;
  RestorePayload(whole, Large());
  EXPECT_TRUE(seen == SerializeEnvelope(whole));
}

TEST_F(ClaimsTest, ALargeResultLeavesAReference) {
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return(Large()); });
  Start();
  harness.Send(harness.Make("e1", {"post"}, "9"));
  const auto bytes = harness.TakeBytes("post");
  ASSERT_TRUE(bytes.has_value());
  EXPECT_LT(bytes->size(), 2000U);
  const auto taken = *model::ParseEnvelope(*bytes);
  EXPECT_EQ(taken.payload, "null");
  EXPECT_TRUE(StoredPayload(taken) == Large());
  EXPECT_EQ(taken.headers.count("mine"), 1U);
}

TEST_F(ClaimsTest, WhatTheTransportCannotTakeGoesThroughBelowTheThreshold) {
  limits.threshold_bytes = kReportedPayloadBytes;
  const std::string huge = "\"" + std::string(transports::memory::kMessageBytesMax, 'h') + "\"";
  FakeRuntime runtime(harness.folder(), [&](Call& call) { call.Return(huge); });
  Start();
  harness.Send(harness.Make("small", {"post"}, "9"));
  const auto taken = harness.Take("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_TRUE(StoredPayload(*taken) == huge);
}

TEST_F(ClaimsTest, ARetryWritesNothingAgain) {
  Policy policy;
  policy.max_attempts = 3;
  policy.initial_delay = std::chrono::milliseconds(1);
  harness.settings.resiliency.policies["default"] = policy;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Raise("a.B", "no"); });
  Start();
  harness.Send(Claimed("e1", Large()));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(runtime.CallsOf("e1"), 3);
  EXPECT_EQ(taken->status.error.GetString("type"), "a.B");
  EXPECT_TRUE(StoredPayload(*taken) == Large());
  EXPECT_EQ(store.written, 0);
  EXPECT_NE(harness.Get("/metrics").find("asya_actor_claims_reused_total 3"), std::string::npos);
}

TEST_F(ClaimsTest, ChildrenPutTheirPayloadsUnderTheRootAndHoldForThemselves) {
  FakeRuntime runtime(harness.folder(), [](Call& call) {
    const auto event = [&](char c) { return "event: downstream\ndata: " + call.Frame(Large(c)) + "\n\n"; };
    call.Events(event('a') + event('b') + "event: done\ndata: {}\n\n");
  });
  Start();
  // Itself a child: the root of a family is that of its first envelope.
  auto sent = harness.Make("e1", {"post"});
  sent.parent_id = "e0";
  sent.headers[model::kRootHeader] = "r1";
  harness.Send(sent);
  std::vector<std::string> ids;
  for (int i = 0; i < 2; ++i) {
    const auto taken = harness.Take("post");
    ASSERT_TRUE(taken.has_value());
    EXPECT_TRUE(StoredPayload(*taken) == Large(taken->id == "e1" ? 'a' : 'b')) << taken->id;
    EXPECT_EQ(model::RootOf(*taken), "r1");
    ids.push_back(taken->id);
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(store.List("", 10, kTimeout)->size(), 1U);
  EXPECT_EQ(Holders("r1").open, ids);
}

TEST_F(ClaimsTest, AChildOfAnEnvelopeThatHoldsDoesNotHold) {
  FakeRuntime runtime(harness.folder(), [](Call& call) {
    const std::string event = "event: downstream\ndata: " + call.Frame("1") + "\n\n";
    call.Events(event + event + "event: done\ndata: {}\n\n");
  });
  Start();
  harness.Send(Claimed("e1", Large()));
  for (int i = 0; i < 2; ++i) {
    const auto taken = harness.Take("post");
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(model::HoldsClaims(*taken), taken->parent_id.empty());
    EXPECT_EQ(model::RootOf(*taken), "e1");
  }
  EXPECT_EQ(Holders("e1").open, std::vector<std::string>{"e1"});
}

TEST_F(ClaimsTest, TheEndAtTheSinkIsMarkedAfterTheMessageIsGone) {
  BecomeEnd("x-sink");
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  Start();
  auto sent = Claimed("e1", Large());
  sent.route = {{"infer"}, "x-sink", {}};
  sent.status.phase = "succeeded";
  store.failing_marks = 2;
  harness.Send(sent);
  EXPECT_TRUE(RelayHarness::Eventually([&] { return Holders("e1").open.empty(); }));
  EXPECT_EQ(harness.Stats("x-sink").in_flight + harness.Stats("x-sink").visible, 0);
  EXPECT_TRUE(Holders("e1").letters.empty());
}

TEST_F(ClaimsTest, WhatGoesOnFromTheSinkHasNotEnded) {
  BecomeEnd("x-sink");
  FakeRuntime runtime(harness.folder(), [](Call& call) {
    call.Events("event: downstream\ndata: {\"payload\":" + Large('r') +
                R"(,"route":{"prev":["infer","x-sink"],"curr":"post","next":[]}})" + "\n\nevent: done\ndata: {}\n\n");
  });
  Start();
  auto sent = Claimed("e1", Large());
  sent.route = {{"infer"}, "x-sink", {}};
  sent.status.phase = "succeeded";
  harness.Send(sent);
  const auto taken = harness.Take("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_TRUE(StoredPayload(*taken) == Large('r'));
  EXPECT_EQ(Holders("e1").open, std::vector<std::string>{"e1"});
}

TEST_F(ClaimsTest, ADeadLetterIsMarkedBeforeTheMessageIsGone) {
  BecomeEnd("x-sump");
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  Start();
  auto sent = Claimed("e1", Large());
  sent.route = {{"infer", "x-sink"}, "x-sump", {}};
  sent.status.phase = "failed";
  store.failing_marks = 2;
  harness.Send(sent);
  const auto all_settled = [&] {
    const auto stats = harness.Stats("x-sump");
    return stats.visible + stats.in_flight == 0;
  };
  EXPECT_TRUE(RelayHarness::Eventually(all_settled));
  EXPECT_EQ(Holders("e1").letters, std::vector<std::string>{"e1"});
  EXPECT_TRUE(Holders("e1").open.empty());
}

TEST_F(ClaimsTest, AMissingPayloadFailsWithItsReference) {
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  Start();
  const auto sent = Claimed("e1", Large());
  ASSERT_TRUE(store.Remove("e1", {Sha256Hex(Large())}, kTimeout).ok());
  harness.Send(sent);
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.phase, "failed");
  EXPECT_EQ(taken->status.error.GetString("type"), kPayloadLost);
  EXPECT_EQ(model::ClaimOf(*taken)->sha256, Sha256Hex(Large()));
  EXPECT_EQ(taken->payload, "null");
  EXPECT_EQ(runtime.CallsOf("e1"), 0);
  EXPECT_EQ(store.gets, ClaimLimits{}.missing_attempts);
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 0; }));
}

TEST_F(ClaimsTest, AWrongPayloadFailsAndIsNotHandled) {
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  Start();
  const auto sent = Claimed("e1", Large());
  std::ofstream(folder.path() + "/claims/e1/" + Sha256Hex(Large())) << Large('y');
  harness.Send(sent);
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.error.GetString("type"), kPayloadLost);
  EXPECT_NE(taken->status.error.GetString("message")->find("hash"), std::string::npos);
  EXPECT_EQ(runtime.CallsOf("e1"), 0);
}

TEST_F(ClaimsTest, AStoreThatIsAwayForAWhileIsAskedAgain) {
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return(Large('r')); });
  Start();
  const auto sent = Claimed("e1", Large());
  store.failing_gets = ClaimLimits{}.read_attempts - 1;
  store.failing_puts = 3;
  harness.Send(sent);
  const auto taken = harness.Take("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_TRUE(StoredPayload(*taken) == Large('r'));
  EXPECT_EQ(runtime.CallsOf("e1"), 1);
  EXPECT_NE(harness.Get("/metrics").find("asya_actor_claim_failures_total{operation=\"write\"} 3"), std::string::npos);
}

TEST_F(ClaimsTest, AStoreThatStaysAwayForLongFailsNoEnvelope) {
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  Start();
  const auto sent = Claimed("e1", Large());
  store.failing_gets = ClaimLimits{}.read_attempts * 5;
  harness.Send(sent);
  ASSERT_TRUE(harness.Take("post").has_value());
  EXPECT_EQ(runtime.CallsOf("e1"), 1);
  EXPECT_EQ(harness.Stats("x-sink").arrived_total, 0);
  harness.Send(harness.Make("e2", {"post"}));
  EXPECT_TRUE(harness.Take("post").has_value()) << "no credit was lost";
}

TEST_F(ClaimsTest, AStoreThatStaysAwayUntilTheDeadlineEndsTheEnvelopeWithItsReference) {
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  Start();
  auto sent = Claimed("e1", Large());
  sent.status.deadline_at = "2020-01-01T00:00:00Z";
  store.failing_gets = 1000;
  harness.Send(sent);
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->status.error.GetString("type"), kPayloadUnavailable);
  EXPECT_TRUE(model::ClaimOf(*taken).has_value());
}

TEST_F(ClaimsTest, AtMostTheNamedBytesAreHeldAtOnce) {
  harness.settings.concurrency = 4;
  limits.held_bytes = Large().size();
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  FakeRuntime runtime(harness.folder(), [&](Call& call) {
    most = std::max(most.load(), ++inside);
    --inside;
    call.Return("1");
  });
  Start();
  for (int i = 0; i < 8; ++i) harness.Send(Claimed("e" + std::to_string(i), Large()));
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(harness.Take("post").has_value());
  EXPECT_EQ(most, 1);
  EXPECT_TRUE(RelayHarness::Eventually(
      [&] { return harness.Get("/metrics").find("asya_actor_claim_held_bytes 0") != std::string::npos; }));
}

TEST_F(ClaimsTest, ALostConnectionRunsNothingTwice) {
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return(Large('r')); });
  Start();
  store.failing_gets = 3;
  harness.Send(Claimed("e1", Large()));
  harness.broker().CutAll();
  const auto taken = harness.Take("post");
  ASSERT_TRUE(taken.has_value());
  EXPECT_LE(runtime.CallsOf("e1"), 1);
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 0; }));
}

}  // namespace
}  // namespace asya::relay
