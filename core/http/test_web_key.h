// A key pair that signs JSON web tokens, made anew, with its public half as a JSON web key. For tests only.
#pragma once

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>

#include "core/base/base64url.h"

namespace asya::http {

class TestWebKey {
 public:
  enum class Kind { kRsa, kP256 };
  explicit TestWebKey(Kind kind, std::string id = "one", unsigned rsa_bits = 2048)
      : kind_(kind),
        id_(std::move(id)),
        key_(kind == Kind::kRsa ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256"), EVP_PKEY_free) {}

  // Big endian; of P-256 coordinates of 32 bytes.
  [[nodiscard]] std::string modulus() const { return Number(OSSL_PKEY_PARAM_RSA_N, 0); }
  [[nodiscard]] std::string exponent() const { return Number(OSSL_PKEY_PARAM_RSA_E, 0); }
  [[nodiscard]] std::string x() const { return Number(OSSL_PKEY_PARAM_EC_PUB_X, kCoordinateBytes); }
  [[nodiscard]] std::string y() const { return Number(OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinateBytes); }

  [[nodiscard]] std::string Jwk() const {
    const std::string common = R"("kid":")" + id_ + R"(","use":"sig",)";
    return kind_ == Kind::kRsa ? R"({"kty":"RSA",)" + common + R"("n":")" + EncodeBase64Url(modulus()) + R"(","e":")" +
                                     EncodeBase64Url(exponent()) + "\"}"
                               : R"({"kty":"EC","crv":"P-256",)" + common + R"("x":")" + EncodeBase64Url(x()) +
                                     R"(","y":")" + EncodeBase64Url(y()) + "\"}";
  }

  [[nodiscard]] std::string Sign(const std::string& text) const {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size());
    signature.resize(size);
    return kind_ == Kind::kRsa ? signature : Raw(signature);
  }

  // A whole token; `header` is the default one of this key where it is empty.
  [[nodiscard]] std::string Token(const std::string& claims, std::string header = "") const {
    if (header.empty()) header = R"({"alg":")" + Algorithm() + R"(","kid":")" + id_ + "\"}";
    const std::string text = EncodeBase64Url(header) + "." + EncodeBase64Url(claims);
    return text + "." + EncodeBase64Url(Sign(text));
  }

 private:
  static constexpr int kCoordinateBytes = 32;

  [[nodiscard]] std::string Algorithm() const { return kind_ == Kind::kRsa ? "RS256" : "ES256"; }
  [[nodiscard]] std::string Number(const char* name, int bytes) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &number);
    std::string text = Padded(number, bytes == 0 ? BN_num_bytes(number) : bytes);
    BN_free(number);
    return text;
  }
  static std::string Padded(const BIGNUM* number, int bytes) {
    std::string text(static_cast<std::size_t>(bytes), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(text.data()), bytes);
    return text;
  }
  static std::string Raw(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string raw =
        Padded(ECDSA_SIG_get0_r(pair), kCoordinateBytes) + Padded(ECDSA_SIG_get0_s(pair), kCoordinateBytes);
    ECDSA_SIG_free(pair);
    return raw;
  }

  Kind kind_;
  std::string id_;
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
};

}  // namespace asya::http
