// A certificate authority and what it signs, made anew. For tests only.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/http/server.h"
#include "core/http/test_key.h"

namespace asya::http {

class TestAuthority {
 public:
  // Signed by `parent`, or by itself.
  explicit TestAuthority(const std::string& name, const TestAuthority* parent = nullptr)
      : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
    const TestAuthority& signer = parent == nullptr ? *this : *parent;
    Fill(certificate_.get(), key_.get(), {{"CN", name}}, 0, kDaySeconds);
    X509_set_issuer_name(certificate_.get(), X509_get_subject_name(signer.certificate_.get()));
    Extend(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate_.get(), signer.key_.get(), EVP_sha256());
  }

  [[nodiscard]] std::string pem() const { return Pem(certificate_.get()); }

  // Of a subject such as {{"O", "vision"}, {"CN", "ada"}}, valid between the two, in seconds from now.
  [[nodiscard]] TlsIdentity Sign(const std::vector<std::pair<std::string, std::string>>& subject, long from = -60,
                                 long until = kDaySeconds, const char* usage = "clientAuth") const {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> made(X509_new(), X509_free);
    Fill(made.get(), key.get(), subject, from, until);
    X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get()));
    Extend(made.get(), NID_ext_key_usage, usage);
    X509_sign(made.get(), key_.get(), EVP_sha256());
    return {Pem(made.get()), PemOf(key.get())};
  }

 private:
  static constexpr long kDaySeconds = 86400;

  static void Fill(X509* certificate, EVP_PKEY* key, const std::vector<std::pair<std::string, std::string>>& subject,
                   long from, long until) {
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), until);
    X509_set_pubkey(certificate, key);
    for (const auto& [field, text] : subject) {
      X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), field.c_str(), MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()), -1,
                                 0);
    }
  }
  static void Extend(X509* certificate, int id, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static std::string Pem(X509* certificate) {
    const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(bio.get(), certificate);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
  }

  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
  std::unique_ptr<X509, void (*)(X509*)> certificate_;
};

}  // namespace asya::http
