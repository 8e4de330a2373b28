// PublicKey: a key that signatures of JSON web tokens are checked with (OpenSSL behind it).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::http {

enum class SignatureAlgorithm {
  kRs256,  // RFC 7518: PKCS #1 v1.5 over SHA-256
  kEs256,  // RFC 7518: ECDSA on P-256 over SHA-256, as r and s of 32 bytes each
};

// Cheap to copy, thread safe.
class PublicKey {
 public:
  static constexpr int kRsaBitsMin = 2048;
  static constexpr int kRsaBitsMax = 8192;

  // Modulus and exponent, big endian. kInvalid for what is no such key, or one of another size.
  static Result<PublicKey> Rsa(std::string_view modulus, std::string_view exponent);
  // A point of P-256, 32 bytes each. kInvalid for what is none.
  static Result<PublicKey> P256(std::string_view x, std::string_view y);

  [[nodiscard]] SignatureAlgorithm algorithm() const { return algorithm_; }
  // Whether `signature` is this key's, of its algorithm, for `text`.
  [[nodiscard]] bool Verify(std::string_view text, std::string_view signature) const;

 private:
  struct Key;
  PublicKey(SignatureAlgorithm algorithm, std::shared_ptr<const Key> key);

  SignatureAlgorithm algorithm_;
  std::shared_ptr<const Key> key_;
};

}  // namespace asya::http
