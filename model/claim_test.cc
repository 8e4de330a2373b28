#include "model/claim.h"

#include <gtest/gtest.h>

#include "core/base/sha256.h"

namespace asya::model {
namespace {

Envelope WithHeader(const std::string& header) {
  auto envelope = ParseEnvelope(R"({"id":"e1","route":{"prev":[],"curr":"a","next":[]},"headers":{"x-asya-claim":)" +
                                header + R"(},"payload":null})");
  return *envelope;
}

TEST(Claim, StandsForThePayloadAndGivesItBack) {
  Envelope envelope;
  envelope.id = "e1";
  envelope.route = {{}, "a", {}};
  envelope.headers = {{"mine", "kept"}};
  envelope.payload = R"({"text":"hello"})";
  const Envelope before = envelope;
  EXPECT_FALSE(HoldsClaims(envelope));
  SetClaim(envelope, Sha256Hex(before.payload), before.payload.size());
  const std::string body = SerializeEnvelope(envelope);
  EXPECT_TRUE(MayHaveClaim(body));
  EXPECT_EQ(body.find("hello"), std::string::npos);
  auto read = *ParseEnvelope(body);
  const auto claim = ClaimOf(read);
  ASSERT_TRUE(claim.has_value());
  EXPECT_EQ(claim->sha256, Sha256Hex(before.payload));
  EXPECT_EQ(claim->bytes, before.payload.size());
  EXPECT_EQ(claim->root, "e1");
  RestorePayload(read, before.payload);
  EXPECT_EQ(read.payload, before.payload);
  EXPECT_FALSE(ClaimOf(read).has_value());
  // What it has put into the store is kept for it until it ends.
  EXPECT_TRUE(HoldsClaims(read));
  EXPECT_TRUE(MayHaveClaim(SerializeEnvelope(read)));
}

TEST(Claim, OfAChildLiesUnderItsRoot) {
  Envelope child;
  child.id = "c1";
  child.headers = {{kRootHeader, "r1"}};
  EXPECT_EQ(RootOf(child), "r1");
  SetClaim(child, Sha256Hex("1"), 1);
  EXPECT_EQ(ClaimOf(child)->root, "r1");
  EXPECT_TRUE(HoldsClaims(child));
  // A copy of its headers says nothing about another envelope.
  Envelope other = child;
  other.id = "c2";
  EXPECT_FALSE(HoldsClaims(other));
  for (const json::Value& odd : {json::Value(1), json::Value(""), json::Value(std::string(300, 'x'))}) {
    child.headers[kRootHeader] = odd;
    EXPECT_EQ(RootOf(child), "c1");
  }
}

TEST(Claim, NoHandlerWritesItsHeaders) {
  const json::Object from = {{kRootHeader, "r1"}, {"mine", 1}};
  json::Object headers = {{kRootHeader, "r2"}, {kClaimHeader, json::Object{{"root", "r2"}}}, {"theirs", 2}};
  KeepClaimHeaders(from, headers);
  EXPECT_EQ(json::Dump(headers), R"({"theirs":2,"x-asya-root":"r1"})");
}

TEST(Claim, OfAnotherFormIsNone) {
  const std::string digest = "\"" + std::string(64, 'a') + "\"";
  EXPECT_TRUE(ClaimOf(WithHeader("{\"root\":\"r\",\"sha256\":" + digest + ",\"bytes\":3}")).has_value());
  for (const std::string& header :
       {std::string("1"), std::string("\"text\""), std::string("{}"), "{\"sha256\":" + digest + "}",
        "{\"sha256\":" + digest + ",\"bytes\":3}", "{\"root\":\"\",\"sha256\":" + digest + ",\"bytes\":3}",
        "{\"root\":\"r\",\"sha256\":" + digest + ",\"bytes\":-1}",
        "{\"root\":\"r\",\"sha256\":" + digest + ",\"bytes\":67108865}",
        std::string(R"({"root":"r","sha256":"../../etc/passwd","bytes":3})"),
        "{\"root\":\"r\",\"sha256\":\"" + std::string(64, 'A') + "\",\"bytes\":3}"}) {
    EXPECT_FALSE(ClaimOf(WithHeader(header)).has_value()) << header;
  }
}

}  // namespace
}  // namespace asya::model
