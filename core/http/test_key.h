// A private key in PEM, made anew. For tests only.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <string>

namespace asya::http {

inline std::string PemOf(EVP_PKEY* key) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

inline std::string NewRsaKeyPem() {
  constexpr unsigned kBits = 2048;
  EVP_PKEY* key = EVP_RSA_gen(kBits);
  const std::string pem = PemOf(key);
  EVP_PKEY_free(key);
  return pem;
}

}  // namespace asya::http
