#include "core/http/public_key.h"

#include <gtest/gtest.h>

#include "core/http/test_web_key.h"

namespace asya::http {
namespace {

constexpr auto kRsa = TestWebKey::Kind::kRsa;
constexpr auto kP256 = TestWebKey::Kind::kP256;

TEST(PublicKey, TakesWhatItsPairHasSigned) {
  const TestWebKey rsa(kRsa);
  const TestWebKey curve(kP256);
  const auto of_rsa = PublicKey::Rsa(rsa.modulus(), rsa.exponent());
  const auto of_curve = PublicKey::P256(curve.x(), curve.y());
  ASSERT_TRUE(of_rsa.ok() && of_curve.ok());
  EXPECT_EQ(of_rsa->algorithm(), SignatureAlgorithm::kRs256);
  EXPECT_EQ(of_curve->algorithm(), SignatureAlgorithm::kEs256);
  for (int i = 0; i < 20; ++i) {  // r and s of ECDSA are short now and then
    const std::string text = "header.claims" + std::to_string(i);
    EXPECT_TRUE(of_rsa->Verify(text, rsa.Sign(text)));
    EXPECT_TRUE(of_curve->Verify(text, curve.Sign(text)));
  }
}

TEST(PublicKey, RefusesEveryOtherSignature) {
  const TestWebKey rsa(kRsa);
  const TestWebKey curve(kP256);
  const PublicKey of_rsa = PublicKey::Rsa(rsa.modulus(), rsa.exponent()).value();
  const PublicKey of_curve = PublicKey::P256(curve.x(), curve.y()).value();
  EXPECT_FALSE(of_rsa.Verify("text", rsa.Sign("other")));
  EXPECT_FALSE(of_rsa.Verify("text", TestWebKey(kRsa).Sign("text")));
  EXPECT_FALSE(of_curve.Verify("text", TestWebKey(kP256).Sign("text")));
  EXPECT_FALSE(of_rsa.Verify("text", curve.Sign("text")));
  EXPECT_FALSE(of_curve.Verify("text", rsa.Sign("text")));
  for (std::string signature : {rsa.Sign("text"), curve.Sign("text")}) {
    const PublicKey& key = signature.size() == 64 ? of_curve : of_rsa;
    for (const std::size_t at : {std::size_t{0}, signature.size() / 2, signature.size() - 1}) {
      std::string changed = signature;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      EXPECT_FALSE(key.Verify("text", changed));
    }
    EXPECT_FALSE(key.Verify("text", signature + "x"));
    EXPECT_FALSE(key.Verify("text", signature.substr(1)));
    EXPECT_FALSE(key.Verify("text", ""));
    EXPECT_FALSE(key.Verify("text", std::string(signature.size(), '\0')));
    EXPECT_FALSE(key.Verify("text", std::string(signature.size(), '\xff')));
  }
}

TEST(PublicKey, RefusesWhatIsNoKey) {
  const TestWebKey rsa(kRsa);
  const TestWebKey curve(kP256);
  const TestWebKey small(kRsa, "small", 1024);
  EXPECT_FALSE(PublicKey::Rsa(small.modulus(), small.exponent()).ok());
  EXPECT_FALSE(PublicKey::Rsa(rsa.modulus(), "").ok());
  EXPECT_FALSE(PublicKey::Rsa("", rsa.exponent()).ok());
  EXPECT_FALSE(PublicKey::Rsa(rsa.modulus(), "\x01").ok());
  EXPECT_FALSE(PublicKey::Rsa(rsa.modulus(), std::string(9, '\x01')).ok());
  EXPECT_FALSE(PublicKey::Rsa(std::string(1025, '\xff'), rsa.exponent()).ok());
  EXPECT_FALSE(PublicKey::Rsa(std::string(256, '\0'), rsa.exponent()).ok());
  EXPECT_FALSE(PublicKey::P256(curve.x(), curve.x()).ok()) << "no point of the curve";
  EXPECT_FALSE(PublicKey::P256(std::string(32, '\0'), std::string(32, '\0')).ok());
  EXPECT_FALSE(PublicKey::P256(std::string(32, '\xff'), std::string(32, '\xff')).ok());
  EXPECT_FALSE(PublicKey::P256(curve.x(), "").ok());
  EXPECT_FALSE(PublicKey::P256(curve.x() + "x", curve.y()).ok());
}

}  // namespace
}  // namespace asya::http
