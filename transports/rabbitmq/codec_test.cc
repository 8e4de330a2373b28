// Bytes: types, frames, methods, contents, confirms, addresses and delay steps, also when what comes in is broken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transports/rabbitmq/address.h"
#include "transports/rabbitmq/confirms.h"
#include "transports/rabbitmq/frames.h"
#include "transports/rabbitmq/topology.h"

namespace asya::transports::rabbitmq {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};

std::vector<Arrival> TakeAll(std::string_view bytes, Status& status) {
  std::vector<Arrival> arrivals;
  Assembler assembler;
  status = Ok();
  while (status.ok()) {
    const auto frame = TakeFrame(bytes, kFrameBytesMax);
    if (!frame.ok()) status = frame.error();
    if (!frame.ok() || !*frame) break;
    status = assembler.Take(**frame, [&](Arrival arrival) { arrivals.push_back(std::move(arrival)); });
  }
  return arrivals;
}

std::string DeliverMethod() {
  std::string method;
  WireWriter(method).U32(static_cast<std::uint32_t>(MethodId::kDeliver)).ShortString("w1").U64(7).U8(1);
  WireWriter(method).ShortString("").ShortString("q");
  return method;
}

TEST(Wire, ATableComesBackAsItWas) {
  const auto inner = std::make_shared<const Table>(Table{{"deep", {std::int64_t{-5}}}});
  const Table table = {{"flag", {true}},
                       {"number", {std::int64_t{1} << 40}},
                       {"text", {std::string("x\0y", 3)}},
                       {"inner", {inner}},
                       {"nothing", {}}};
  std::string bytes;
  WireWriter(bytes).Fields(table);
  WireReader reader(bytes);
  const Table back = reader.Fields();
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(back.size(), table.size());
  EXPECT_EQ(IntOf(back, "number", 0), std::int64_t{1} << 40);
  EXPECT_EQ(TextOf(back, "text"), std::string("x\0y", 3));
  EXPECT_EQ(IntOf(*std::get<std::shared_ptr<const Table>>(back.at("inner").value), "deep", 0), -5);
}

TEST(Wire, TablesThatAreTooDeepOrCutOffAreRefused) {
  std::string bytes;
  WireWriter(bytes).U32(0);
  for (int i = 0; i < kTableDepthMax + 3; ++i) {
    std::string outer;
    WireWriter(outer).ShortString("t");
    outer += 'F';
    std::string whole;
    WireWriter(whole).LongString(outer + bytes);
    bytes = whole;
  }
  WireReader deep(bytes);
  static_cast<void>(deep.Fields());
  EXPECT_FALSE(deep.ok());
  WireReader cut(std::string_view(bytes).substr(0, 5));
  static_cast<void>(cut.Fields());
  EXPECT_FALSE(cut.ok());
}

TEST(Frames, AMessageComesTogetherFromPiecesOfAnySize) {
  Properties properties;
  properties.headers.losses = 3;
  properties.message_id = "m-1";
  properties.correlation_id = "17";
  properties.expiration = "250";
  properties.timestamp_s = 1'700'000'000;
  const std::string body(10'000, 'b');
  std::string bytes;
  AppendHeartbeat(bytes);
  AppendMethod(bytes, 1, DeliverMethod());
  AppendContent(bytes, 1, properties, body, 4096);
  Status status = Ok();
  const auto arrivals = TakeAll(bytes, status);
  ASSERT_TRUE(status.ok()) << status.error().message;
  ASSERT_EQ(arrivals.size(), 1U);
  EXPECT_EQ(arrivals[0].method.tag, 7U);
  EXPECT_TRUE(arrivals[0].method.flag);
  EXPECT_EQ(arrivals[0].method.name, "w1");
  EXPECT_EQ(arrivals[0].body, body);
  EXPECT_EQ(arrivals[0].properties.message_id, "m-1");
  EXPECT_EQ(arrivals[0].properties.correlation_id, "17");
  EXPECT_EQ(arrivals[0].properties.timestamp_s, 1'700'000'000);
  EXPECT_EQ(arrivals[0].properties.headers.losses, 3);
  for (std::size_t cut = 0; cut < bytes.size(); cut += 97) {
    EXPECT_TRUE(TakeAll(std::string_view(bytes).substr(0, cut), status).empty());
    EXPECT_TRUE(status.ok());
  }
}

TEST(Frames, WhatBreaksTheProtocolIsRefused) {
  std::string good;
  AppendMethod(good, 1, DeliverMethod());
  std::string no_end = good;
  no_end.back() = 'x';
  std::string bad_type = good;
  bad_type[0] = 5;
  std::string body_first;
  AppendContent(body_first, 1, {}, "body", 4096);
  std::string method_twice = good + good;
  std::string unknown;
  AppendMethod(unknown, 1, std::string("\0\x63\0\x63", 4));
  std::string too_big = good;
  too_big[3] = 0x7f;
  for (const std::string& bytes : {no_end, bad_type, body_first, method_twice, unknown, too_big}) {
    Status status = Ok();
    EXPECT_TRUE(TakeAll(bytes, status).empty());
    EXPECT_FALSE(status.ok());
  }
}

TEST(Confirms, AnyOrderAndManyAtOnce) {
  Confirms confirms;
  std::vector<std::pair<std::uint64_t, Confirms::Outcome>> told;
  const auto done = [&](std::uint64_t, std::uint64_t owner, Confirms::Outcome outcome) {
    told.emplace_back(owner, outcome);
  };
  for (std::uint64_t owner = 101; owner <= 105; ++owner) EXPECT_EQ(confirms.Add(owner, 10, kStart), owner - 100);
  EXPECT_TRUE(confirms.Settle(3, false, true, done));
  EXPECT_TRUE(confirms.Returned(2));
  EXPECT_FALSE(confirms.Returned(1000));
  EXPECT_TRUE(confirms.Settle(4, true, true, done));
  EXPECT_TRUE(confirms.Settle(5, false, false, done));
  using Outcome = Confirms::Outcome;
  EXPECT_THAT(told, ::testing::ElementsAre(std::pair(103U, Outcome::kTaken), std::pair(101U, Outcome::kTaken),
                                           std::pair(102U, Outcome::kReturned), std::pair(104U, Outcome::kTaken),
                                           std::pair(105U, Outcome::kRefused)));
  EXPECT_EQ(confirms.count(), 0U);
  EXPECT_EQ(confirms.bytes(), 0U);
  EXPECT_TRUE(confirms.Settle(2, false, true, done)) << "a confirm told twice changes nothing";
  EXPECT_EQ(told.size(), 5U);
  EXPECT_FALSE(confirms.Settle(6, false, true, done));
}

TEST(Topology, ADelayIsNeverCutShortAndAtMost42PercentLong) {
  for (std::int64_t ms = 1; ms < kLongestDelay.count(); ms += 1 + ms / 13) {
    const DelayStep step = StepFor(std::chrono::milliseconds(ms));
    EXPECT_GE(step.time.count(), ms);
    EXPECT_LE(static_cast<double>(step.time.count()), std::max(50.0, static_cast<double>(ms) * 1.42 + 1));
  }
  EXPECT_EQ(StepFor(std::chrono::milliseconds(1)).name, "asya.delay.50");
}

TEST(Topology, DeliveriesAreUnlimitedWhereThereIsALimit) {
  EXPECT_FALSE(QueueArguments(QueueType::kQuorum, "u", 310).contains("x-delivery-limit"));
  EXPECT_EQ(IntOf(QueueArguments(QueueType::kQuorum, "u", 400), "x-delivery-limit", 0), -1);
  EXPECT_FALSE(QueueArguments(QueueType::kClassic, "u", 400).contains("x-delivery-limit"));
}

TEST(Address, UrlsAreReadAndNeverRepeated) {
  const auto full = ParseBrokerUrl("amqps://us%40er:p%2Fw@broker.example:5999/v%2Fh?x=1");
  ASSERT_TRUE(full.ok());
  EXPECT_TRUE(full->tls);
  EXPECT_EQ(full->user, "us@er");
  EXPECT_EQ(full->password, "p/w");
  EXPECT_EQ(full->host, "broker.example");
  EXPECT_EQ(full->port, "5999");
  EXPECT_EQ(full->virtual_host, "v/h");
  const auto bare = ParseBrokerUrl("amqp://[::1]/");
  ASSERT_TRUE(bare.ok());
  EXPECT_EQ(bare->host, "::1");
  EXPECT_EQ(bare->port, "5672");
  EXPECT_EQ(bare->virtual_host, "/");
  for (const char* bad : {"http://u:secret@h", "amqp://u:secret@", "amqp://u:secret@h:0", "amqp://u:secret%2@h",
                          "amqp://u:secret@h:70000", "amqp://u:secret@[::1"}) {
    const auto refused = ParseBrokerUrl(bad);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_THAT(refused.error().message, ::testing::Not(::testing::HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace asya::transports::rabbitmq
