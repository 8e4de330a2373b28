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
  SetClaim(envelope, {Sha256Hex(before.payload), before.payload.size()});
  const std::string body = SerializeEnvelope(envelope);
  EXPECT_TRUE(MayHaveClaim(body));
  EXPECT_EQ(body.find("hello"), std::string::npos);
  auto read = *ParseEnvelope(body);
  const auto claim = ClaimOf(read);
  ASSERT_TRUE(claim.has_value());
  EXPECT_EQ(claim->sha256, Sha256Hex(before.payload));
  EXPECT_EQ(claim->bytes, before.payload.size());
  RestorePayload(read, before.payload);
  EXPECT_EQ(SerializeEnvelope(read), SerializeEnvelope(before));
  EXPECT_FALSE(MayHaveClaim(SerializeEnvelope(read)));
}

TEST(Claim, OfAnotherFormIsNone) {
  const std::string digest = "\"" + std::string(64, 'a') + "\"";
  EXPECT_TRUE(ClaimOf(WithHeader("{\"sha256\":" + digest + ",\"bytes\":3}")).has_value());
  for (const std::string& header :
       {std::string("1"), std::string("\"text\""), std::string("{}"), "{\"sha256\":" + digest + "}",
        "{\"sha256\":" + digest + ",\"bytes\":-1}", "{\"sha256\":" + digest + ",\"bytes\":67108865}",
        std::string(R"({"sha256":"../../etc/passwd","bytes":3})"),
        "{\"sha256\":\"" + std::string(64, 'A') + "\",\"bytes\":3}"}) {
    EXPECT_FALSE(ClaimOf(WithHeader(header)).has_value()) << header;
  }
}

}  // namespace
}  // namespace asya::model
