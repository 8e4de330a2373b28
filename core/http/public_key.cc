#include "core/http/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <utility>

namespace asya::http {
namespace {

struct Freeing {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
template <class T>
using Owned = std::unique_ptr<T, Freeing>;

constexpr std::size_t kCoordinateBytes = 32;
constexpr std::size_t kExponentBytesMax = 8;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

Owned<BIGNUM> Number(std::string_view text) {
  return Owned<BIGNUM>(BN_bin2bn(Bytes(text), static_cast<int>(text.size()), nullptr));
}

Owned<EVP_PKEY> KeyFrom(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  const bool made = parameters && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1;
  ERR_clear_error();
  return Owned<EVP_PKEY>(made ? key : nullptr);
}

// r and s as OpenSSL reads them; empty where they are none.
std::string DerOf(std::string_view signature) {
  if (signature.size() != 2 * kCoordinateBytes) return "";
  const Owned<ECDSA_SIG> pair(ECDSA_SIG_new());
  Owned<BIGNUM> r = Number(signature.substr(0, kCoordinateBytes));
  Owned<BIGNUM> s = Number(signature.substr(kCoordinateBytes));
  if (!pair || !r || !s || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return "";
  static_cast<void>(r.release());  // the pair's now
  static_cast<void>(s.release());
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &bytes);
  if (size <= 0) return "";
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace

struct PublicKey::Key {
  Owned<EVP_PKEY> key;
};

PublicKey::PublicKey(SignatureAlgorithm algorithm, std::shared_ptr<const Key> key)
    : algorithm_(algorithm), key_(std::move(key)) {}

Result<PublicKey> PublicKey::Rsa(std::string_view modulus, std::string_view exponent) {
  if (modulus.size() > kRsaBitsMax / 8 || exponent.empty() || exponent.size() > kExponentBytesMax) {
    return Invalid("", "an RSA key of 2048 to 8192 bits is accepted");
  }
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  const Owned<BIGNUM> n = Number(modulus);
  const Owned<BIGNUM> e = Number(exponent);
  const bool odd = n && e && BN_is_odd(n.get()) == 1 && BN_is_odd(e.get()) == 1 && BN_is_one(e.get()) == 0;
  if (!odd || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return Invalid("", "modulus and exponent are no RSA key");
  }
  auto made = std::make_shared<Key>(Key{KeyFrom("RSA", builder.get())});
  if (!made->key || EVP_PKEY_get_bits(made->key.get()) < kRsaBitsMin) {
    return Invalid("", "an RSA key of 2048 to 8192 bits is accepted");
  }
  return PublicKey(SignatureAlgorithm::kRs256, std::move(made));
}

Result<PublicKey> PublicKey::P256(std::string_view x, std::string_view y) {
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) {
    return Invalid("", "coordinates of P-256 have 32 bytes each");
  }
  std::string point = "\x04";  // uncompressed
  point.append(x).append(y);
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  const bool filled =
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1;
  auto made = std::make_shared<Key>(Key{filled ? KeyFrom("EC", builder.get()) : nullptr});
  if (!made->key) return Invalid("", "the coordinates are no point of P-256");
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, made->key.get(), nullptr));
  const bool good = context && EVP_PKEY_public_check(context.get()) == 1;
  ERR_clear_error();
  if (!good) return Invalid("", "the coordinates are no point of P-256");
  return PublicKey(SignatureAlgorithm::kEs256, std::move(made));
}

bool PublicKey::Verify(std::string_view text, std::string_view signature) const {
  const std::string der = algorithm_ == SignatureAlgorithm::kEs256 ? DerOf(signature) : std::string(signature);
  if (der.empty()) return false;
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const bool good = context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->key.get()) == 1 &&
                    EVP_DigestVerify(context.get(), Bytes(der), der.size(), Bytes(text), text.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace asya::http
