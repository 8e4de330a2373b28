#include "core/http/rsa_signature.h"

#include <gtest/gtest.h>

#include "core/http/test_key.h"

namespace asya::http {
namespace {

TEST(RsaSignature, IsTakenByWhoeverHasThePublicKey) {
  constexpr unsigned kBits = 2048;
  EVP_PKEY* key = EVP_RSA_gen(kBits);
  const auto signature = SignRs256(PemOf(key), "header.claims");
  ASSERT_TRUE(signature.ok());
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ASSERT_EQ(EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key), 1);
  const auto* bytes = reinterpret_cast<const unsigned char*>(signature->data());
  EXPECT_EQ(
      EVP_DigestVerify(context, bytes, signature->size(), reinterpret_cast<const unsigned char*>("header.claims"), 13),
      1);
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
}

TEST(RsaSignature, RefusesWhatIsNoRsaKey) {
  EVP_PKEY* curve = EVP_EC_gen("P-256");
  EXPECT_EQ(SignRs256(PemOf(curve), "x").error().code, ErrorCode::kInvalid);
  EVP_PKEY_free(curve);
  EXPECT_EQ(SignRs256("-----BEGIN PRIVATE KEY-----\nsecret\n", "x").error().message, "not an RSA private key in PEM");
}

}  // namespace
}  // namespace asya::http
