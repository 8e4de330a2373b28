#include "core/http/own_certificates.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

namespace asya::http {
namespace {

constexpr std::chrono::minutes kBackdate{5};  // for clocks of clients that lag

template <class T, void (*Free)(T*)>
struct Freer {
  void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509, X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION, X509_EXTENSION_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO, BIO_free_all>>;

std::string Text(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

Bio Reading(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

Error Failed(const char* what) {
  ERR_clear_error();
  return Fail(ErrorCode::kInternal, std::string("OpenSSL could not make ") + what);
}

Result<Certificate> ReadCertificate(const std::string& pem) {
  Certificate certificate(PEM_read_bio_X509(Reading(pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate) return Invalid("", "this is no certificate in PEM");
  return certificate;
}

struct Extended {
  int id;
  std::string value;
};

bool AddExtensions(X509* certificate, X509* issuer, const std::vector<Extended>& extensions) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  for (const auto& [id, value] : extensions) {
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
    if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) return false;
  }
  return true;
}

bool SetTime(ASN1_TIME* place, WallTime time) {
  return ASN1_TIME_set(place, std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count()) !=
         nullptr;
}

// Without issuer, extensions and signature. Its serial number is random, which tells it from others of the same name.
bool Fill(X509* certificate, EVP_PKEY* key, const std::string& common_name, const Validity& validity) {
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1U);
  X509_set_pubkey(certificate, key);
  return SetTime(X509_getm_notBefore(certificate), validity.from - kBackdate) &&
         SetTime(X509_getm_notAfter(certificate), validity.until) &&
         X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0) == 1;
}

Result<TlsIdentity> Written(X509* certificate, EVP_PKEY* key) {
  const Bio certificate_out(BIO_new(BIO_s_mem()));
  const Bio key_out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_out.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return Failed("PEM");
  }
  return TlsIdentity{Text(certificate_out), Text(key_out)};
}

Result<TlsIdentity> SignedByItself(const std::string& common_name, const Validity& validity,
                                   const std::vector<Extended>& extensions) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  const bool good = key && certificate && Fill(certificate.get(), key.get(), common_name, validity) &&
                    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get())) == 1 &&
                    AddExtensions(certificate.get(), certificate.get(), extensions) &&
                    X509_sign(certificate.get(), key.get(), EVP_sha256()) != 0;
  return good ? Written(certificate.get(), key.get()) : Failed("a certificate that signs itself");
}

}  // namespace

Result<Validity> ValidityOf(const std::string& certificate_pem) {
  ASYA_TRY(const Certificate certificate, ReadCertificate(certificate_pem));
  std::tm from{};
  std::tm until{};
  if (ASN1_TIME_to_tm(X509_get0_notBefore(certificate.get()), &from) != 1 ||
      ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &until) != 1) {
    return Invalid("", "its times cannot be read");
  }
  return Validity{WallTime(std::chrono::seconds(::timegm(&from))) + kBackdate,
                  WallTime(std::chrono::seconds(::timegm(&until)))};
}

Result<TlsIdentity> MakeSelfSigned(const std::string& common_name, int days) {
  const WallTime now = RealClock().Now();
  return SignedByItself(common_name, {now, now + std::chrono::hours(24) * days},
                        {{NID_basic_constraints, "critical,CA:TRUE"},
                         {NID_key_usage, "critical,digitalSignature,keyCertSign"},
                         {NID_ext_key_usage, "serverAuth"},
                         {NID_subject_key_identifier, "hash"},
                         {NID_subject_alt_name, "IP:127.0.0.1,IP:::1,DNS:localhost"}});
}

Result<TlsIdentity> MakeAuthority(const std::string& common_name, const Validity& validity) {
  return SignedByItself(common_name, validity,
                        {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                         {NID_key_usage, "critical,keyCertSign"},
                         {NID_subject_key_identifier, "hash"}});
}

Result<TlsIdentity> SignServer(const TlsIdentity& authority, const std::vector<std::string>& names,
                               const Validity& validity) {
  ASYA_TRY(const Certificate issuer, ReadCertificate(authority.certificate_pem));
  const Key issuer_key(PEM_read_bio_PrivateKey(Reading(authority.key_pem).get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!issuer_key || X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    ERR_clear_error();
    return Invalid("", "the key is not the key of the authority");
  }
  std::string alternatives;
  for (const std::string& name : names) alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + name;
  const Key key(EVP_EC_gen("P-256"));
  const Certificate made(X509_new());
  const bool good = key && made && Fill(made.get(), key.get(), "asya-server", validity) &&
                    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get())) == 1 &&
                    AddExtensions(made.get(), issuer.get(),
                                  {{NID_basic_constraints, "critical,CA:FALSE"},
                                   {NID_key_usage, "critical,digitalSignature"},
                                   {NID_ext_key_usage, "serverAuth"},
                                   {NID_authority_key_identifier, "keyid"},
                                   {NID_subject_alt_name, alternatives}}) &&
                    X509_sign(made.get(), issuer_key.get(), EVP_sha256()) != 0;
  return good ? Written(made.get(), key.get()) : Failed("a certificate of a server");
}

}  // namespace asya::http
