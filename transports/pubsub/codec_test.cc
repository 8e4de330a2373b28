// What the Pub/Sub transport reads and writes: protocol buffers, gRPC's frames, marks, reports, endpoints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transports/pubsub/address.h"
#include "transports/pubsub/grpc.h"
#include "transports/pubsub/marks.h"
#include "transports/pubsub/messages.h"
#include "transports/pubsub/report.h"
#include "transports/pubsub/wire.h"

namespace asya::transports::pubsub {
namespace {

using ::testing::HasSubstr;

TEST(PubsubWire, WritesAndReadsNumbersAndBytes) {
  std::string out;
  Writer writer(out);
  writer.Number(1, 300);
  writer.Bytes(2, "testing");
  writer.Number(3, 0);
  EXPECT_EQ(out, std::string("\x08\xac\x02\x12\x07testing"));
  Reader reader(out);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.number(), 300U);
  ASSERT_TRUE(reader.Next());
  EXPECT_EQ(reader.bytes(), "testing");
  EXPECT_FALSE(reader.Next());
  EXPECT_FALSE(reader.broken());
}

TEST(PubsubWire, EndsAtWhatIsBroken) {
  const std::vector<std::string> broken = {"\x12\x07test", "\x08\xff", "\x13", std::string("\x00\x01", 2),
                                           std::string("\x08") + std::string(11, '\xff')};
  for (const std::string& bytes : broken) {
    Reader reader(bytes);
    while (reader.Next()) {
    }
    EXPECT_TRUE(reader.broken()) << ::testing::PrintToString(bytes);
  }
}

TEST(PubsubMessages, ASubscriptionIsReadAsItWasWritten) {
  Subscription wanted{"projects/p/subscriptions/q", "projects/p/topics/q",    60, 3600,
                      {{"asya-owner", "u"}},        "projects/p/topics/lost", 100};
  const auto found = DecodeSubscription(EncodeSubscription(wanted));
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(*found == wanted);
}

TEST(PubsubMessages, TruncatedAnswersAreRefused) {
  const std::string whole = EncodeSubscription({"name", "topic", 60, 3600, {{"a", "b"}}, "lost", 5});
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto found = DecodeSubscription(whole.substr(0, size));
    EXPECT_TRUE(found.ok() || found.error().code == ErrorCode::kInvalid);
  }
  EXPECT_FALSE(DecodePull("\x0a\x05"
                          "ab")
                   .ok());
}

TEST(PubsubGrpc, TheEndOfACallIsItsMessageOrItsError) {
  EXPECT_EQ(*grpc::Outcome(200, 0, "", grpc::Framed("answer")), "answer");
  EXPECT_EQ(grpc::Outcome(200, 5, "no topic", "").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(grpc::Outcome(200, 16, "", "").error().code, ErrorCode::kUnauthorized);
  EXPECT_EQ(grpc::Outcome(503, -1, "", "").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(grpc::Outcome(200, -1, "", grpc::Framed("half")).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(grpc::Outcome(200, 0, "", grpc::Framed("answer").substr(0, 7)).ok());
  EXPECT_FALSE(grpc::Outcome(200, 0, "", "").ok());
  EXPECT_EQ(grpc::Decoded("a%20b%zz%2"), "a b%zz%2");
}

TEST(PubsubMarks, WhatIsNotDueYetWasNeverBegun) {
  const WallTime now(std::chrono::seconds(1'700'000'000));
  Received received;
  received.attempt = 4;
  received.published_at = now;
  received.attributes = Marked("id", 2, now + std::chrono::seconds(1));
  EXPECT_TRUE(MarksOf(received, now).early);
  EXPECT_EQ(MarksOf(received, now).crashes, 2);
  EXPECT_FALSE(MarksOf(received, now + std::chrono::seconds(2)).early);
  EXPECT_EQ(MarksOf(received, now + std::chrono::seconds(2)).crashes, 5);
  EXPECT_EQ(MarksOf(received, now).own_id, "id");
}

TEST(PubsubMarks, WhatIsDueLaterThanALeaseLastsWasLetGoOnce) {
  const WallTime now(std::chrono::seconds(1'700'000'000));
  Received received;
  received.attempt = 2;
  received.published_at = now;
  received.attributes = Marked("id", 0, now + std::chrono::seconds(3000));
  EXPECT_EQ(MarksOf(received, now + std::chrono::seconds(3000)).crashes, 0);
  received.attempt = 4;
  EXPECT_EQ(MarksOf(received, now + std::chrono::seconds(3000)).crashes, 2);
}

TEST(PubsubReport, IsReadAsItWasWritten) {
  Report report;
  report.instance = "abc";
  report.number = 7;
  report.queue = "asya-test-a";
  report.leased = 3;
  report.changes["asya-test-b"] = {2, 0, {}};
  report.changes["asya-test-a"] = {0, 1, {WallTime(std::chrono::seconds(5))}};
  const auto read = DecodeReport(EncodeReport(report));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(EncodeReport(*read), EncodeReport(report));
  for (const char* text : {"", "by", "by a 1 x 0 0 q\n", "in q 1\n", "by a 1 2 0 0 q\nin q -1\n"}) {
    EXPECT_FALSE(DecodeReport(text).ok()) << text;
  }
}

TEST(PubsubEndpoint, IsPlainOnTheLoopbackOnly) {
  const auto google = ParseEndpoint("p", "");
  EXPECT_TRUE(google->tls);
  EXPECT_EQ(google->host, "pubsub.googleapis.com");
  const auto fake = ParseEndpoint("p", "127.0.0.1:8085");
  EXPECT_FALSE(fake->tls);
  EXPECT_EQ(fake->port, "8085");
  EXPECT_EQ(ParseEndpoint("p", "http://[::1]:8085/")->host, "::1");
  EXPECT_TRUE(ParseEndpoint("p", "pubsub.example")->tls);
  EXPECT_TRUE(ParseEndpoint("p", "https://localhost:9")->tls);
  EXPECT_THAT(ParseEndpoint("p", "http://pubsub.example").error().message, HasSubstr("loopback"));
  for (const char* endpoint : {"127.0.0.1:0", "127.0.0.1:x", "http://", "a/b", "user@host"}) {
    EXPECT_FALSE(ParseEndpoint("p", endpoint).ok()) << endpoint;
  }
}

}  // namespace
}  // namespace asya::transports::pubsub
