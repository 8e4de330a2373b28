#include "cluster/kubernetes/kubeconfig.h"

#include <fstream>
#include <optional>
#include <utility>

#include "core/base/base64.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr std::size_t kFileBytesMax = 1U << 20U;

Result<std::string> ReadFile(const std::string& field, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.eof()) return Invalid(field, "cannot read \"" + path + "\"");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.empty()) return Invalid(field, "\"" + path + "\" is empty");
  return text;
}

// One map of a kubeconfig, such as a cluster.
class Section {
 public:
  Section(std::string path, const json::Value* fields, const std::string& folder)
      : path_(std::move(path)), fields_(fields), folder_(folder) {}

  [[nodiscard]] std::string Text(const char* field) const {
    return fields_ == nullptr ? "" : fields_->GetString(field).value_or("");
  }
  [[nodiscard]] std::string Field(const char* field) const { return path_ + "." + field; }

  // What `FIELD-data` holds, which goes before the file that `FIELD` names.
  [[nodiscard]] Result<std::string> Pem(const std::string& field) const {
    std::string data = Text((field + "-data").c_str());
    std::erase_if(data, [](char c) { return c == ' ' || c == '\n' || c == '\r'; });  // some tools write lines
    if (!data.empty()) {
      auto decoded = DecodeBase64(data);
      if (!decoded) return Invalid(path_ + "." + field + "-data", "is no base64");
      return std::move(*decoded);
    }
    const std::string file = Text(field.c_str());
    return file.empty() ? Result<std::string>(std::string()) : ReadFile(path_ + "." + field, Absolute(file));
  }
  [[nodiscard]] std::string Absolute(const std::string& file) const {
    return file.starts_with('/') ? file : folder_ + "/" + file;
  }
  [[nodiscard]] Status Refuse(const char* field, const char* why) const {
    const json::Value* value = fields_ == nullptr ? nullptr : fields_->Find(field);
    const bool unset = value == nullptr || value->IsNull() || *value == json::Value(false) || *value == json::Value("");
    return unset ? Ok() : Status(Invalid(Field(field), why));
  }

 private:
  std::string path_;
  const json::Value* fields_;
  const std::string& folder_;
};

// The element `name` of a list such as clusters, whose content lies in its field `what`.
Result<Section> Named(const json::Value& document, const std::string& list, const char* what, const std::string& name,
                      const std::string& folder) {
  const std::string path = list + "[" + name + "]";
  const json::Value* all = document.Find(list);
  if (all != nullptr && all->IsArray()) {
    for (const json::Value& one : all->AsArray()) {
      if (one.GetString("name") == name) return Section(path + "." + what, one.Find(what), folder);
    }
  }
  return Invalid(path, "is named, but is not there");
}

Status ReadCluster(const Section& cluster, Endpoint& endpoint) {
  ASYA_TRY_STATUS(cluster.Refuse("insecure-skip-tls-verify",
                                 "is not accepted: anybody could take tokens; give the "
                                 "cluster's CA as certificate-authority-data"));
  ASYA_TRY_STATUS(cluster.Refuse("proxy-url", "is not accepted: no proxy is used"));
  ASYA_TRY_STATUS(cluster.Refuse("tls-server-name", "is not accepted: the certificate has to be of the server's name"));
  endpoint.url = cluster.Text("server");
  while (endpoint.url.ends_with('/')) endpoint.url.pop_back();
  if (!endpoint.url.starts_with("https://")) {
    return Invalid(cluster.Field("server"), "got \"" + endpoint.url + "\"; an https URL is accepted");
  }
  ASYA_TRY(endpoint.ca_pem, cluster.Pem("certificate-authority"));
  return Ok();
}

Status ReadUser(const Section& user, Endpoint& endpoint) {
  ASYA_TRY_STATUS(user.Refuse("exec",
                              "is not accepted: no program is run to fetch credentials; give a certificate, a "
                              "token or a tokenFile"));
  ASYA_TRY_STATUS(user.Refuse("auth-provider", "is not accepted; give a certificate, a token or a tokenFile"));
  ASYA_TRY_STATUS(user.Refuse("username", "is not accepted: Kubernetes knows passwords no longer"));
  ASYA_TRY_STATUS(user.Refuse("as", "is not accepted: nobody is impersonated"));
  ASYA_TRY(endpoint.certificate_pem, user.Pem("client-certificate"));
  ASYA_TRY(endpoint.key_pem, user.Pem("client-key"));
  if (endpoint.certificate_pem.empty() != endpoint.key_pem.empty()) {
    return Invalid(user.Field(endpoint.key_pem.empty() ? "client-key" : "client-certificate"),
                   "is missing; certificate and key are given together");
  }
  const std::string file = user.Text("tokenFile");
  if (!file.empty()) {
    endpoint.token_file = user.Absolute(file);
  } else {
    endpoint.token = user.Text("token");
  }
  return Ok();
}

}  // namespace

Result<Endpoint> ReadKubeconfig(const json::Value& document, const std::string& folder) {
  if (!document.IsObject()) return Invalid("", "a kubeconfig is a map with clusters, users and contexts");
  const std::string current = document.GetString("current-context").value_or("");
  if (current.empty()) return Invalid("current-context", "is missing");
  ASYA_TRY(const Section context, Named(document, "contexts", "context", current, folder));
  ASYA_TRY(const Section cluster, Named(document, "clusters", "cluster", context.Text("cluster"), folder));
  Endpoint endpoint;
  ASYA_TRY_STATUS(ReadCluster(cluster, endpoint));
  if (!context.Text("user").empty()) {
    ASYA_TRY(const Section user, Named(document, "users", "user", context.Text("user"), folder));
    ASYA_TRY_STATUS(ReadUser(user, endpoint));
  }
  if (!context.Text("namespace").empty()) endpoint.namespace_ = context.Text("namespace");
  return endpoint;
}

Result<Endpoint> ReadServiceAccount(const std::string& host, const std::string& port, const std::string& folder) {
  if (host.empty() || port.empty()) {
    return Invalid("", "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod of a cluster");
  }
  Endpoint endpoint;
  endpoint.url = "https://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
  ASYA_TRY(endpoint.ca_pem, ReadFile("", folder + "/ca.crt"));
  endpoint.token_file = folder + "/token";
  ASYA_TRY([[maybe_unused]] const std::string token, ReadFile("", endpoint.token_file));
  ASYA_TRY(endpoint.namespace_, ReadFile("", folder + "/namespace"));
  return endpoint;
}

}  // namespace asya::cluster::kubernetes
