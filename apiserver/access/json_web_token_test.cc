#include "apiserver/access/json_web_token.h"

#include <gtest/gtest.h>

#include "apiserver/access/key_set.h"
#include "core/base/base64url.h"
#include "core/http/test_web_key.h"

namespace asya::apiserver {
namespace {

using http::TestWebKey;

std::string Of(const std::string& header, const std::string& claims, const std::string& signature = "x") {
  return EncodeBase64Url(header) + "." + EncodeBase64Url(claims) + "." + EncodeBase64Url(signature);
}

TEST(JsonWebToken, IsTakenApart) {
  const auto token = ParseJsonWebToken(Of(R"({"alg":"RS256","kid":"k","typ":"JWT"})", R"({"sub":"ada"})", "bytes"));
  ASSERT_TRUE(token.ok()) << token.error().message;
  EXPECT_EQ(token->algorithm, "RS256");
  EXPECT_EQ(token->key_id, "k");
  EXPECT_EQ(token->claims.GetString("sub"), "ada");
  EXPECT_EQ(token->signature, "bytes");
  EXPECT_TRUE(ParseJsonWebToken(Of(R"({"alg":"RS256"})", "{}")).ok());
}

TEST(JsonWebToken, EverythingElseIsRefusedWithoutBeingRepeated) {
  const std::string header = R"({"alg":"RS256"})";
  const std::string deep = std::string(40, '[') + std::string(40, ']');
  const std::string wrong[] = {
      "",
      ".",
      "..",
      "a.b",
      "t0ken",
      Of(header, "{}") + ".x",
      Of("s3cret", "{}"),
      Of("[]", "{}"),
      Of("{}", "{}"),
      Of(R"({"alg":1})", "{}"),
      Of(R"({"alg":"RS256","kid":1})", "{}"),
      Of(R"({"alg":"RS256","crit":["exp"]})", "{}"),
      Of(R"({"alg":"RS256","alg":"none"})", "{}"),
      Of(header, "[]"),
      Of(header, "s3cret"),
      Of(header, R"({"a":)" + deep + "}"),
      Of(header, "{\"a\":\"\xff\"}"),
      Of(header, "{}", ""),
      EncodeBase64Url(header) + ".e30=.eA",
      EncodeBase64Url(header) + ".e30.e A",
      std::string(kWebTokenBytesMax + 1, 'a'),
  };
  for (const std::string& text : wrong) {
    const auto token = ParseJsonWebToken(text);
    ASSERT_FALSE(token.ok()) << text.substr(0, 200);
    EXPECT_EQ(token.error().message.find("s3cret"), std::string::npos);
    EXPECT_EQ(token.error().message.find("t0ken"), std::string::npos);
  }
}

JsonWebToken Parsed(const std::string& text) { return ParseJsonWebToken(text).value(); }

TEST(KeySet, TakesWhatOneOfItsKeysHasSignedByItsAlgorithm) {
  const TestWebKey rsa(TestWebKey::Kind::kRsa, "rsa");
  const TestWebKey curve(TestWebKey::Kind::kP256, "curve");
  const TestWebKey other(TestWebKey::Kind::kRsa, "rsa");
  const auto keys = KeySet::Parse(R"({"keys":[)" + rsa.Jwk() + "," + curve.Jwk() + "]}");
  ASSERT_TRUE(keys.ok()) << keys.error().message;
  EXPECT_TRUE(keys->HasSigned(Parsed(rsa.Token("{}"))));
  EXPECT_TRUE(keys->HasSigned(Parsed(curve.Token("{}"))));
  EXPECT_TRUE(keys->HasSigned(Parsed(rsa.Token("{}", R"({"alg":"RS256"})")))) << "no kid: any key";
  EXPECT_FALSE(keys->HasSigned(Parsed(other.Token("{}")))) << "the name of a key is no key";
  EXPECT_TRUE(keys->Knows(Parsed(other.Token("{}"))));
  for (const char* header :
       {R"({"alg":"none","kid":"rsa"})", R"({"alg":"HS256","kid":"rsa"})", R"({"alg":"ES256","kid":"rsa"})",
        R"({"alg":"rs256","kid":"rsa"})", R"({"alg":"RS256","kid":"curve"})", R"({"alg":"RS256","kid":"new"})"}) {
    EXPECT_FALSE(keys->HasSigned(Parsed(rsa.Token("{}", header)))) << header;
    EXPECT_FALSE(keys->Knows(Parsed(rsa.Token("{}", header)))) << header;
  }
  JsonWebToken changed = Parsed(rsa.Token(R"({"sub":"ada"})"));
  changed.signed_text += "x";
  EXPECT_FALSE(keys->HasSigned(changed));
}

TEST(KeySet, PassesOverWhatItCannotUse) {
  const TestWebKey curve(TestWebKey::Kind::kP256, "curve");
  const TestWebKey small(TestWebKey::Kind::kRsa, "small", 1024);
  const std::string strange = R"(1,{"kty":"oct","k":"eA"},{"kty":"EC","crv":"P-384"},{"kty":"RSA"},)"
                              R"({"kty":"RSA","n":"!","e":"AQAB"},{"kty":"RSA","use":"enc"},{"kty":1},)";
  EXPECT_TRUE(KeySet::Parse(R"({"keys":[)" + strange + small.Jwk() + "," + curve.Jwk() + "]}").ok());
  EXPECT_FALSE(KeySet::Parse(R"({"keys":[)" + strange + small.Jwk() + "]}").ok());
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", "keys"}) {
    EXPECT_FALSE(KeySet::Parse(text).ok()) << text;
  }
  std::string many;
  for (std::size_t i = 0; i <= kKeysMax; ++i) many += (i == 0 ? "" : ",") + curve.Jwk();
  EXPECT_FALSE(KeySet::Parse(R"({"keys":[)" + many + "]}").ok());
}

}  // namespace
}  // namespace asya::apiserver
