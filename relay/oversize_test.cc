// Messages about as large as the queue takes: each ends somewhere, with all that fits.
#include <gtest/gtest.h>

#include "core/base/sha256.h"
#include "core/json/parse.h"
#include "relay/fit.h"
#include "tests/support/fake_runtime.h"
#include "tests/support/relay_harness.h"

namespace asya::relay {
namespace {

using tests::FakeRuntime;
using tests::RelayHarness;
using Call = FakeRuntime::Call;
constexpr std::size_t kLimit = transports::memory::kMessageBytesMax;
constexpr std::size_t kMessageBytes = 2000;

// An envelope of exactly this many bytes.
model::Envelope OfSize(const RelayHarness& harness, std::size_t bytes) {
  auto envelope = harness.Make("e1", {"post"}, "\"\"");
  envelope.payload = "\"" + std::string(bytes - SerializeEnvelope(envelope).size(), 'x') + "\"";
  return envelope;
}

void RaisesLongMessages(Call& call) { call.Raise("builtins.ValueError", std::string(kMessageBytes, 'm')); }

TEST(Oversize, AnAcceptedEnvelopeCarriesItsWholeError) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), RaisesLongMessages);
  harness.Start();
  const auto sent = OfSize(harness, ports::OrdinaryLimitBytes(kLimit));
  harness.Send(sent);
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, sent.payload);
  EXPECT_EQ(taken->status.error.GetString("message"), std::string(kMessageBytes, 'm'));
}

TEST(Oversize, TheErrorIsCutBeforeThePayload) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), RaisesLongMessages);
  harness.Start();
  const auto sent = OfSize(harness, kLimit - 1024);
  harness.Send(sent);
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_TRUE(taken->payload == sent.payload);
  EXPECT_EQ(taken->id, "e1");
  EXPECT_EQ(taken->status.phase, "failed");
  EXPECT_EQ(taken->status.error.GetString("type"), "builtins.ValueError");
  const std::string message = taken->status.error.GetString("message").value_or("");
  EXPECT_LT(message.size(), kMessageBytes);
  EXPECT_TRUE(message.ends_with("…")) << message;
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 0; }));
}

TEST(Oversize, ThePayloadIsReplacedOnlyWhenNothingElseIsLeft) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), RaisesLongMessages);
  harness.Start();
  const auto sent = OfSize(harness, kLimit);
  harness.Send(sent);
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  const json::Value payload = *json::Parse(taken->payload);
  ASSERT_NE(payload.Find("x-asya-dropped"), nullptr) << taken->payload.substr(0, 100);
  EXPECT_EQ(payload.Find("x-asya-dropped")->GetInt("bytes"), static_cast<std::int64_t>(sent.payload.size()));
  EXPECT_EQ(payload.Find("x-asya-dropped")->GetString("sha256"), Sha256Hex(sent.payload));
  EXPECT_EQ(taken->status.error.GetString("message"), std::string(kMessageBytes, 'm'));
  EXPECT_EQ(AsItFailed(*taken).route, sent.route);
  EXPECT_EQ(taken->headers, sent.headers);
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 0; }));
}

TEST(Oversize, ARetryCutsTheErrorAndNotThePayload) {
  RelayHarness harness;
  Policy policy;
  policy.max_attempts = 2;
  policy.initial_delay = std::chrono::milliseconds(1);
  harness.settings.resiliency.policies["default"] = policy;
  FakeRuntime runtime(harness.folder(), RaisesLongMessages);
  harness.Start();
  const auto sent = OfSize(harness, kLimit - 1024);
  harness.Send(sent);
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_TRUE(taken->payload == sent.payload);
  EXPECT_EQ(taken->status.error.GetString("type"), "builtins.ValueError");
  EXPECT_EQ(runtime.CallsOf("e1"), 2);
}

TEST(Oversize, BytesThatAreNoEnvelopeKeepTheirBeginningSizeAndHash) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) { call.Return("1"); });
  harness.Start();
  const std::string bytes(kLimit, 'z');
  harness.SendBytes(bytes);
  const auto taken = harness.Take("x-sump");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload.rfind(R"({"raw_base64":"enp6enp6)", 0), 0U);
  EXPECT_GT(taken->payload.size(), kLimit - 2048);
  const std::string message = taken->status.error.GetString("message").value_or("");
  EXPECT_NE(message.find(std::to_string(kLimit) + " bytes"), std::string::npos) << message;
  EXPECT_NE(message.find(Sha256Hex(bytes)), std::string::npos) << message;
  EXPECT_TRUE(RelayHarness::Eventually([&] { return harness.Stats("infer").in_flight == 0; }));
}

TEST(Oversize, AResultLeavesRoomForTheErrorOfTheNextActor) {
  RelayHarness harness;
  FakeRuntime runtime(harness.folder(), [](Call& call) {
    call.Return("\"" + std::string(ports::OrdinaryLimitBytes(kLimit), 'x') + "\"");
  });
  harness.Start();
  harness.Send(harness.Make("e1", {"post"}, "9"));
  const auto taken = harness.Take("x-sink");
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->payload, "9");
  EXPECT_EQ(taken->status.error.GetString("type"), "PayloadTooLarge");
}

TEST(Oversize, ACutNeverSplitsACharacter) {
  model::Envelope envelope;
  envelope.id = "e1";
  envelope.route = {{}, "x-sink", {}};
  std::string text;
  for (int i = 0; i < 100; ++i) text += "ü";
  envelope.status.error = json::Object{{"type", "a.B"}, {"message", text}};
  const std::string body = SerializeEnvelope(envelope);
  for (std::size_t less = 1; less < 60; ++less) {
    const auto fitted = FitError(body, body.size() - less);
    ASSERT_TRUE(fitted.has_value());
    EXPECT_LE(fitted->size(), body.size() - less);
    EXPECT_TRUE(model::ParseEnvelope(*fitted).ok()) << *fitted;
  }
}

}  // namespace
}  // namespace asya::relay
