#include "server/api_options.h"

#include <sys/stat.h>

#include <map>

#include "cluster/kubernetes/kubeconfig.h"
#include "core/http/sealing_keys.h"
#include "core/yaml/parse.h"
#include "model/validate/syntax.h"
#include "server/ca_bundle.h"
#include "server/flags.h"
#include "server/history_options.h"
#include "server/server_file.h"
#include "server/watched_files.h"

namespace asya::server {
namespace {

constexpr const char* kListen = "--listen";
constexpr const char* kCertificate = "--tls-cert-file";
constexpr const char* kKey = "--tls-private-key-file";
constexpr const char* kCertDir = "--cert-dir";
constexpr const char* kClientCa = "--client-ca-file";
constexpr const char* kTokens = "--token-auth-file";
constexpr const char* kRoles = "--roles-file";
constexpr const char* kService = "--service";
constexpr const char* kEncryptionKeys = "--encryption-key-file";
constexpr const char* kIssuer = "--oidc-issuer-url";
constexpr const char* kClientId = "--oidc-client-id";
constexpr const char* kIssuerCa = "--oidc-ca-file";
constexpr const char* kAggregated = "--aggregated";
constexpr const char* kServingCa = "--serving-ca-file";
constexpr const char* kControllers = "--controllers";
constexpr const char* kWebhooks = "--webhooks";
constexpr const char* kWebhooksListen = "--webhooks-listen";
constexpr const char* kRuntime = "--runtime";
constexpr const char* kReports = "--reports-listen";
constexpr const char* kRequiredClaim = "--oidc-required-claim";
constexpr const char* kDatabaseFile = "--database-file";
constexpr int kCertificateDays = 3650;

bool IsLoopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

Status SetListen(const std::string& text, ApiOptions& options) {
  ASYA_TRY(ListenAddress listen, ParseListen(kListen, text));
  options.address = std::move(listen.address);
  options.port = listen.port;
  return Ok();
}

Status SetWebhooks(const std::string& text, ApiOptions& options) {
  ASYA_TRY(ListenAddress listen, ParseListen(kWebhooksListen, text));
  options.webhooks_address = std::move(listen.address);
  options.webhooks_port = listen.port;
  return Ok();
}

Status SetReports(const std::string& text, ApiOptions& options) {
  ASYA_TRY(ListenAddress listen, ParseListen(kReports, text));
  options.reports_address = std::move(listen.address);
  options.reports_port = listen.port;
  return Ok();
}

class FileReader {
 public:
  FileReader(ApiOptions& options, ApiFiles& files, const std::map<std::string, std::string>& variables,
             std::vector<Error>& errors)
      : options_(options), files_(files), variables_(variables), errors_(errors) {}

  void ReadAll() {
    ReadTls();
    if (Read(kTokens, options_.token_auth_file, files_.token_text)) {
      Keep(kTokens, apiserver::TokenFile::Parse(files_.token_text), files_.tokens);
    }
    Read(kIssuerCa, options_.oidc_ca_file, options_.oidc.ca_pem);
    if (Read(kRoles, options_.roles_file, files_.roles_text)) {
      Keep(kRoles, ParseRolesText(files_.roles_text), files_.roles);
    }
    if (!options_.aggregated.empty()) Keep(kAggregated, ReadCluster(), files_.cluster);
    if (Read(kServingCa, options_.serving_ca_file, files_.serving_ca_pem)) {
      const Status usable = CheckServingCa(files_.serving_ca_pem);
      if (!usable.ok()) Wrong(kServingCa, usable.error().message);
    }
    if (options_.controllers) Read(kRuntime, options_.runtime_archive, files_.runtime_bytes);
    if (Read(kEncryptionKeys, options_.encryption_key_file, files_.encryption_key_text)) {
      const auto keys = http::SealingKeys::Parse(files_.encryption_key_text);
      if (!keys.ok()) Wrong(kEncryptionKeys, keys.error().message);
    }
  }

 private:
  void Wrong(const char* flag, const std::string& what) { errors_.push_back(Invalid(flag, what)); }

  // False also where no file was named.
  bool Read(const char* flag, const std::string& path, std::string& place) {
    if (path.empty()) return false;
    auto text = ReadSmallFile(path);
    if (!text.ok()) {
      Wrong(flag, text.error().message);
      return false;
    }
    place = std::move(text).value();
    return true;
  }
  template <class T>
  void Keep(const char* flag, Result<T> parsed, T& place) {
    if (!parsed.ok()) {
      const std::string& field = parsed.error().field;
      return Wrong(flag, field.empty() ? parsed.error().message : field + " " + parsed.error().message);
    }
    place = std::move(parsed).value();
  }

  Result<cluster::kubernetes::Endpoint> ReadCluster() {
    if (options_.aggregated == kInCluster) {
      return cluster::kubernetes::ReadServiceAccount(Variable("KUBERNETES_SERVICE_HOST"),
                                                     Variable("KUBERNETES_SERVICE_PORT"));
    }
    ASYA_TRY(const std::string text, ReadSmallFile(options_.aggregated));
    ASYA_TRY(const json::Value document, yaml::Parse(text));
    const auto slash = options_.aggregated.rfind('/');
    return cluster::kubernetes::ReadKubeconfig(document,
                                               slash == std::string::npos ? "." : options_.aggregated.substr(0, slash));
  }
  [[nodiscard]] std::string Variable(const char* name) const {
    const auto found = variables_.find(name);
    return found == variables_.end() ? "" : found->second;
  }

  void ReadTls() {
    const bool has_ca = Read(kClientCa, options_.client_ca_file, files_.client_ca_pem);
    if (has_ca && files_.client_ca_pem.empty()) Wrong(kClientCa, kEmptyCa);
    const bool has_certificate = Read(kCertificate, options_.tls_cert_file, files_.identity.certificate_pem);
    const bool has_key = Read(kKey, options_.tls_private_key_file, files_.identity.key_pem);
    if (options_.tls_cert_file.empty() && options_.tls_private_key_file.empty()) {
      MakeOwn();
    } else if (!has_certificate || !has_key) {
      return;  // told already
    }
    if (files_.identity.key_pem.empty()) return;
    const Status usable = http::CheckTls(files_.identity, {has_ca ? files_.client_ca_pem : ""});
    if (usable.ok()) return;
    const std::string& field = usable.error().field;
    const char* flag = field == "tls.client_ca" ? kClientCa : field == "tls.key" ? kKey : kCertificate;
    Wrong(flag, usable.error().message);
  }

  void MakeOwn() {
    if (options_.cert_dir.empty() || !IsLoopback(options_.address)) return;
    struct stat info {};
    if (::stat(options_.cert_dir.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
      return Wrong(kCertDir, "no folder at \"" + options_.cert_dir + "\"");
    }
    const auto fresh = http::MakeSelfSigned("asya", kCertificateDays);
    if (!fresh.ok()) return Wrong(kCertDir, fresh.error().message);
    Keep(kCertDir, KeepSecret(options_.cert_dir + "/apiserver.key", fresh->key_pem), files_.identity.key_pem);
    Keep(kCertDir, KeepSecret(options_.cert_dir + "/apiserver.crt", fresh->certificate_pem),
         files_.identity.certificate_pem);
  }

  ApiOptions& options_;
  ApiFiles& files_;
  const std::map<std::string, std::string>& variables_;
  std::vector<Error>& errors_;
};

void CheckTlsFlags(const ApiOptions& options, std::vector<Error>& errors) {
  const bool certificate = !options.tls_cert_file.empty();
  const bool key = !options.tls_private_key_file.empty();
  if (certificate != key) {
    errors.push_back(Invalid(certificate ? kKey : kCertificate, "is missing; certificate and key are given together"));
  }
  if (!options.serving_ca_file.empty() && MakesOwnCertificate(options)) {
    errors.push_back(Invalid(kServingCa, "is of a certificate that is given; " + std::string(kCertificate) + " and " +
                                             kKey + " are missing"));
  }
  if (certificate || key || options.address.empty() || MakesOwnCertificate(options)) return;
  if (!IsLoopback(options.address)) {
    errors.push_back(Invalid(kCertificate, "is missing, and " + std::string(kKey) + ": " + options.address +
                                               " is not this machine alone, and nothing but TLS is spoken"));
  } else if (options.cert_dir.empty()) {
    errors.push_back(Invalid(kCertificate, "is missing, and " + std::string(kKey) + "; on a loopback address " +
                                               kCertDir + " FOLDER is accepted in their place"));
  }
}

void CheckOidcFlags(const ApiOptions& options, std::vector<Error>& errors) {
  const apiserver::OidcSettings& oidc = options.oidc;
  if (oidc.issuer_url.empty()) {
    const bool others = !oidc.client_id.empty() || !oidc.groups_claim.empty() || !options.oidc_ca_file.empty() ||
                        oidc.username_prefix || !oidc.groups_prefix.empty() || !oidc.required_claims.empty();
    if (others) errors.push_back(Invalid(kIssuer, "is missing; the other flags of OIDC need it"));
    return;
  }
  if (!oidc.issuer_url.starts_with("https://")) {
    errors.push_back(Invalid(kIssuer, "got \"" + oidc.issuer_url + "\"; an https URL is accepted"));
  }
  if (oidc.client_id.empty()) errors.push_back(Invalid(kClientId, "is missing; the audience of the issuer's tokens"));
}

void RefuseOwnUsers(const ApiOptions& options, std::vector<Error>& errors) {
  const std::pair<const char*, const std::string&> flags[] = {{kClientCa, options.client_ca_file},
                                                              {kTokens, options.token_auth_file},
                                                              {kIssuer, options.oidc.issuer_url},
                                                              {kRoles, options.roles_file}};
  for (const auto& [flag, value] : flags) {
    if (value.empty()) continue;
    errors.push_back(Invalid(flag, "is not accepted with " + std::string(kAggregated) +
                                       ": the cluster says who is who and who may do what"));
  }
}

void CheckReports(const ApiOptions& options, std::vector<Error>& errors) {
  if (!options.reports_port) return;
  if (!options.controllers)
    errors.push_back(Invalid(kReports, "is accepted with " + std::string(kControllers) + " alone"));
  if (!options.gateway_url.empty() && !options.gateway_url.starts_with("https://")) {
    errors.push_back(Invalid("--gateway-url", "got \"" + options.gateway_url + "\"; an https URL is accepted beside " +
                                                  std::string(kReports) + ": relays show it the token of their pod"));
  }
  if (options.database_url.empty()) {
    errors.push_back(Invalid(kReports, "needs ASYA_DATABASE_URL: tasks lie in a PostgreSQL that all servers share"));
  }
  if (options.serving_ca_file.empty() && !MakesOwnCertificate(options)) {
    errors.push_back(Invalid(kServingCa, "is missing: relays have to know whose certificate to trust"));
  }
}

void CheckControllers(const ApiOptions& options, std::vector<Error>& errors) {
  if (options.webhooks && !options.controllers) {
    errors.push_back(
        Invalid(kWebhooks, "is accepted with " + std::string(kControllers) +
                               " all alone: what is put into pods of others belongs to what is made there"));
  }
  if (options.webhooks_port && !options.webhooks) {
    errors.push_back(Invalid(kWebhooksListen, "is accepted with " + std::string(kWebhooks) + " all alone"));
  }
  CheckReports(options, errors);
  if (!options.controllers) return;
  if (options.aggregated.empty()) {
    errors.push_back(Invalid(kControllers, "is accepted with " + std::string(kAggregated) + " alone"));
  }
  if (options.runtime_archive.empty()) {
    errors.push_back(
        Invalid(kRuntime, "is missing; with " + std::string(kControllers) + " asya_runtime.pyz is needed"));
  }
}

void CheckFlags(const ApiOptions& options, bool listens, std::vector<Error>& errors) {
  CheckControllers(options, errors);
  CheckScaler(options.scaler, options.controllers, errors);
  if (!listens) errors.push_back(Invalid(kListen, "is missing; an IP address and a port, such as 0.0.0.0:6443"));
  CheckTlsFlags(options, errors);
  CheckOidcFlags(options, errors);
  if (options.aggregated.empty() && !options.serving_ca_file.empty()) {
    errors.push_back(Invalid(kServingCa, "is accepted with " + std::string(kAggregated) + " alone"));
  }
  if (!options.aggregated.empty()) {
    RefuseOwnUsers(options, errors);
  } else if (options.client_ca_file.empty() && options.token_auth_file.empty() && options.oidc.issuer_url.empty()) {
    errors.push_back(Invalid(kClientCa, "is missing, and " + std::string(kTokens) + " and " + kIssuer +
                                            ": without any of them nobody is known"));
  }
  if (options.database_url.empty() == options.database_file.empty()) {
    errors.push_back(Invalid(kDatabaseFile, options.database_url.empty()
                                                ? "is missing, and ASYA_DATABASE_URL: one of both is needed"
                                                : "is given, and ASYA_DATABASE_URL: only one of both is accepted"));
  }
}

void AddControllerFlags(ApiOptions& options, std::map<std::string, FlagSetter>& flags) {
  flags[kControllers] = AllOrNoneFlag(kControllers, options.controllers);
  flags[kWebhooks] = AllOrNoneFlag(kWebhooks, options.webhooks);
  flags[kWebhooksListen] = [&options](const std::string& value) { return SetWebhooks(value, options); };
  flags[kRuntime] = TextFlag(options.runtime_archive);
  flags["--relay-image"] = TextFlag(options.relay_image);
  flags["--crew-image"] = TextFlag(options.crew_image);
  flags["--gateway-url"] = TextFlag(options.gateway_url);
  flags[kReports] = [&options](const std::string& value) { return SetReports(value, options); };
  AddScalerFlags(options.scaler, flags);
}

void AddOidcFlags(ApiOptions& options, std::map<std::string, FlagSetter>& flags) {
  apiserver::OidcSettings& oidc = options.oidc;
  flags[kIssuer] = TextFlag(oidc.issuer_url);
  flags[kClientId] = TextFlag(oidc.client_id);
  flags[kIssuerCa] = TextFlag(options.oidc_ca_file);
  flags["--oidc-username-claim"] = TextFlag(oidc.username_claim);
  flags["--oidc-username-prefix"] = [&oidc](const std::string& value) {
    oidc.username_prefix = value;
    return Ok();
  };
  flags["--oidc-groups-claim"] = TextFlag(oidc.groups_claim);
  flags["--oidc-groups-prefix"] = TextFlag(oidc.groups_prefix);
  flags[kRequiredClaim] = [&oidc](const std::string& value) -> Status {
    const auto equals = value.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Invalid(kRequiredClaim, "got \"" + value + "\"; claim=value is accepted");
    }
    oidc.required_claims.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    return Ok();
  };
}

}  // namespace

bool MakesOwnCertificate(const ApiOptions& options) {
  return !options.aggregated.empty() && options.tls_cert_file.empty() && options.tls_private_key_file.empty() &&
         options.cert_dir.empty();
}

bool TellsKedaTheCa(const ApiOptions& options) {
  const ScalerOptions& scaler = options.scaler;
  return !scaler.address.empty() && scaler.tls && scaler.ca_secret.empty() &&
         (MakesOwnCertificate(options) || !options.serving_ca_file.empty());
}

Status CheckServingCa(const std::string& text) {
  return MergeBundles(text, "").empty() ? Status(Invalid("", "the file holds no certificate in PEM")) : Ok();
}

Result<apiserver::Roles> ParseRolesText(const std::string& text) {
  ASYA_TRY(const json::Value document, yaml::Parse(text));
  return apiserver::Roles::Parse(document);
}

std::vector<Error> ParseApiOptions(const std::vector<std::string>& arguments, const Environment& environment,
                                   ApiOptions& options, ApiFiles& files) {
  bool listens = false;
  std::map<std::string, FlagSetter> flags = {
      {kListen,
       [&](const std::string& value) {
         listens = true;
         return SetListen(value, options);
       }},
      {kCertificate, TextFlag(options.tls_cert_file)},
      {kKey, TextFlag(options.tls_private_key_file)},
      {kCertDir, TextFlag(options.cert_dir)},
      {kClientCa, TextFlag(options.client_ca_file)},
      {kTokens, TextFlag(options.token_auth_file)},
      {kRoles, TextFlag(options.roles_file)},
      {kAggregated, TextFlag(options.aggregated)},
      {kServingCa, TextFlag(options.serving_ca_file)},
      {kService,
       [&options](const std::string& value) -> Status {
         if (!model::IsDnsLabel(value))
           return Invalid(kService, "got \"" + value + "\"; the name of an object is accepted");
         options.service = value;
         return Ok();
       }},
      {kEncryptionKeys, TextFlag(options.encryption_key_file)},
      {kDatabaseFile, TextFlag(options.database_file)},
      {"--log-level", LevelFlag(options.log_level)},
  };
  AddOidcFlags(options, flags);
  AddControllerFlags(options, flags);
  std::vector<Error> errors = ParseFlags(arguments, flags);
  const auto url = environment.own.find(kDatabaseVariable);
  if (url != environment.own.end()) options.database_url = url->second;
  files.variables = environment.own;
  const auto history = ReadHistoryRetention(environment.own);
  if (history.ok()) {
    options.history = *history;
  } else {
    errors.push_back(Invalid("environment", history.error().message));
  }
  CheckFlags(options, listens, errors);
  FileReader(options, files, environment.own, errors).ReadAll();
  return errors;
}

}  // namespace asya::server
