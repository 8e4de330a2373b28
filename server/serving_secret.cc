#include "server/serving_secret.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "core/base/base64.h"
#include "core/http/own_certificates.h"

namespace asya::server {
namespace {

constexpr int kAttempts = 3;  // against other replicas that write
constexpr const char* kAuthorityName = "asya-serving-ca";
constexpr const char* kCertificate = "tls.crt";  // these two are those of the type kubernetes.io/tls
constexpr const char* kKey = "tls.key";
constexpr const char* kNames = "names";
constexpr const char* kAuthority = "ca.crt";
constexpr const char* kAuthorityKey = "ca.key";
constexpr const char* kNext = "next-ca.crt";
constexpr const char* kNextKey = "next-ca.key";
constexpr const char* kNextSince = "next-since";
constexpr const char* kOld = "old-ca.crt";

std::string CollectionOf(const cluster::kubernetes::Client& client) {
  return "/api/v1/namespaces/" + client.endpoint().namespace_ + "/secrets";
}

Status WithoutValue(const Result<json::Value>& answer) { return answer.ok() ? Ok() : Status(answer.error()); }

json::Object DataOf(const Serving& serving) {
  json::Object data;
  const auto put = [&data](const char* key, const std::string& text) {
    if (!text.empty()) data[key] = EncodeBase64(text);
  };
  put(kCertificate, serving.identity.certificate_pem);
  put(kKey, serving.identity.key_pem);
  put(kNames, serving.names);
  put(kAuthority, serving.authority.certificate_pem);
  put(kAuthorityKey, serving.authority.key_pem);
  put(kOld, serving.old_pem);
  if (serving.next) {
    put(kNext, serving.next->certificate_pem);
    put(kNextKey, serving.next->key_pem);
    put(kNextSince, FormatRfc3339(serving.next_since));
  }
  return data;
}

Result<Serving> ServingIn(const json::Value& secret) {
  const auto text = [&secret](const char* key) -> std::string {
    const json::Value* value = secret.FindPath({"data", key});
    return value != nullptr && value->IsString() ? DecodeBase64(value->AsString()).value_or("") : "";
  };
  Serving serving;
  serving.identity = {text(kCertificate), text(kKey)};
  serving.names = text(kNames);
  serving.authority = {text(kAuthority), text(kAuthorityKey)};
  serving.old_pem = text(kOld);
  if (const auto since = ParseRfc3339(text(kNextSince))) {
    serving.next = http::TlsIdentity{text(kNext), text(kNextKey)};
    serving.next_since = *since;
  }
  Status usable = http::CheckTls(serving.identity, {});
  if (usable.ok()) usable = http::CheckTls(serving.authority, {});
  if (usable.ok() && serving.next) usable = http::CheckTls(*serving.next, {});
  if (usable.ok()) return serving;
  return Invalid("", "Secret " + std::string(kServingSecretName) + " holds no usable certificate (" +
                         usable.error().message + "); delete it to have one made");
}

bool IsOld(const http::Validity& validity, WallTime now) {
  return now >= validity.from + (validity.until - validity.from) / 3 * 2;
}

http::Validity FromNow(WallTime now, std::chrono::hours life) { return {now, now + life}; }

Result<http::TlsIdentity> Sign(const http::TlsIdentity& authority, const std::string& names, WallTime now) {
  ASYA_TRY(const http::Validity of_authority, http::ValidityOf(authority.certificate_pem));
  http::Validity validity = FromNow(now, kServingCertificateLife);
  validity.until = std::min(validity.until, of_authority.until);
  std::vector<std::string> all;
  std::istringstream stream(names);
  for (std::string name; std::getline(stream, name, ',');) all.push_back(name);
  return http::SignServer(authority, all, validity);
}

}  // namespace

std::string Serving::Bundle() const {
  return authority.certificate_pem + (next ? next->certificate_pem : "") + old_pem;
}

Result<Serving> Renewed(const std::optional<Serving>& before, const std::string& names, WallTime now,
                        const std::function<bool(const std::string& pem)>& in_place) {
  Serving serving;
  if (before) {
    serving = *before;
  } else {
    ASYA_TRY(serving.authority, http::MakeAuthority(kAuthorityName, FromNow(now, kServingAuthorityLife)));
  }
  ASYA_TRY(const http::Validity of_authority, http::ValidityOf(serving.authority.certificate_pem));
  bool sign = !before || serving.names != names;
  if (!serving.next && IsOld(of_authority, now)) {
    ASYA_TRY(serving.next, http::MakeAuthority(kAuthorityName, FromNow(now, kServingAuthorityLife)));
    serving.next_since = now;
  } else if (serving.next && now >= serving.next_since + kNextAuthorityKnown &&
             in_place(serving.next->certificate_pem)) {
    serving.old_pem = serving.authority.certificate_pem;
    serving.authority = *std::exchange(serving.next, std::nullopt);
    sign = true;
  }
  if (!sign) {
    ASYA_TRY(const http::Validity of_identity, http::ValidityOf(serving.identity.certificate_pem));
    sign = IsOld(of_identity, now);
  }
  if (!sign) return serving;
  serving.names = names;
  ASYA_TRY(serving.identity, Sign(serving.authority, names, now));
  return serving;
}

ServingSecret::ServingSecret(Parts parts)
    : parts_(std::move(parts)),
      repeated_(
          kPeriod, [this] { return Look(); },
          [this](const Error& error) {
            parts_.logger.Error("the certificate of this server cannot be kept", {{"error", error.message}});
          }) {}

// With the revision that was read, so that of two that write at once one is refused. `found`: null where it is missing.
Status ServingSecret::Write(const json::Value* found, const json::Object& data) {
  const std::string collection = CollectionOf(parts_.client);
  if (found != nullptr) {
    json::Value secret = *found;
    secret["data"] = data;
    return WithoutValue(parts_.client.Send({"PUT", collection + "/" + kServingSecretName, secret}));
  }
  return WithoutValue(
      parts_.client.Create(collection, json::Object{{"apiVersion", "v1"},
                                                    {"kind", "Secret"},
                                                    {"type", "kubernetes.io/tls"},
                                                    {"metadata", json::Object{{"name", kServingSecretName}}},
                                                    {"data", data}}));
}

// What all replicas agree on, after this one has renewed it where that was due.
Result<Serving> ServingSecret::Shared(bool& raced) {
  raced = false;
  const auto found = parts_.client.Get(CollectionOf(parts_.client) + "/" + kServingSecretName);
  if (!found.ok() && found.error().code != ErrorCode::kNotFound) return found.error();
  std::optional<Serving> before = used_;
  if (found.ok()) {
    ASYA_TRY(before, ServingIn(*found));
  }
  ASYA_TRY(Serving renewed, Renewed(before, parts_.names, parts_.clock.Now(), parts_.in_place));
  const json::Object data = DataOf(renewed);
  if (found.ok() && data == DataOf(*before)) return renewed;
  const Status written = Write(found.ok() ? &*found : nullptr, data);
  if (written.ok()) return renewed;
  raced = written.error().code == ErrorCode::kExists || written.error().code == ErrorCode::kConflict;
  return written.error();
}

Status ServingSecret::Use(Serving serving) {
  if (used_ && DataOf(*used_) == DataOf(serving)) return Ok();
  ASYA_TRY_STATUS(parts_.use(serving));
  used_ = std::move(serving);
  ready_ = true;
  parts_.logger.Info("the certificate of this server is the one in its Secret", {{"secret", kServingSecretName}});
  return Ok();
}

Status ServingSecret::Ready() const {
  return ready_ ? Ok() : Status(Fail(ErrorCode::kUnavailable, "the certificate of the Secret is not in use yet"));
}

Status ServingSecret::Look() {
  for (int attempt = 1;; ++attempt) {
    bool raced = false;
    auto serving = Shared(raced);
    if (serving.ok()) return Use(std::move(serving).value());
    if (!raced || attempt == kAttempts) return serving.error();
  }
}

}  // namespace asya::server
