#include "apiserver/access/front_proxy.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "core/http/target.h"
#include "core/json/parse.h"

namespace asya::apiserver {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool IsHeaderName(const std::string& text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kMarks.find(c) != std::string_view::npos;
  });
}

// A JSON list of texts in a value of the ConfigMap; empty where it is missing.
Result<std::vector<std::string>> ListOf(const json::Value& data, const char* key) {
  std::vector<std::string> names;
  const std::string text = data.GetString(key).value_or("");
  if (text.empty()) return names;
  const auto list = json::Parse(text);
  Error wrong = asya::Invalid(std::string("data.") + key, "a JSON list of at most 64 names is accepted");
  if (!list.ok() || !list->IsArray() || list->AsArray().size() > kProxyHeadersMax) return wrong;
  for (const json::Value& name : list->AsArray()) {
    if (!name.IsString()) return wrong;
    names.push_back(name.AsString());
  }
  return names;
}

Result<std::vector<std::string>> HeadersOf(const json::Value& data, const char* key) {
  ASYA_TRY(std::vector<std::string> names, ListOf(data, key));
  if (!std::all_of(names.begin(), names.end(), IsHeaderName)) {
    return asya::Invalid(std::string("data.") + key, "names of headers are accepted");
  }
  return names;
}

std::string FirstValue(const http::Headers& headers, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::string value = headers.Get(name).value_or("");
    if (!value.empty()) return value;
  }
  return "";
}

std::vector<std::string> AllValues(const http::Headers& headers, const std::vector<std::string>& names) {
  std::vector<std::string> values;
  for (const std::string& name : names) {
    const std::string wanted = Lower(name);
    for (const auto& [header, value] : headers.all()) {
      if (!value.empty() && Lower(header) == wanted) values.push_back(value);
    }
  }
  return values;
}

void TakeExtra(const http::Headers& headers, const std::string& prefix, User& user) {
  for (const auto& [header, value] : headers.all()) {
    const std::string name = Lower(header);
    if (!name.starts_with(prefix)) continue;
    const std::string key = name.substr(prefix.size());
    user.extra[http::PercentDecode(key).value_or(key)].push_back(value);
  }
}

}  // namespace

Result<FrontProxySettings> FrontProxySettings::Parse(const json::Value& config_map) {
  const json::Value* data = config_map.Find("data");
  if (data == nullptr || !data->IsObject()) return asya::Invalid("data", "is missing");
  FrontProxySettings settings;
  settings.authorities.users_pem = data->GetString("client-ca-file").value_or("");
  settings.authorities.front_proxies_pem = data->GetString("requestheader-client-ca-file").value_or("");
  if (settings.authorities.empty()) {
    return asya::Invalid("data", "holds neither client-ca-file nor requestheader-client-ca-file");
  }
  ASYA_TRY(settings.allowed_names, ListOf(*data, "requestheader-allowed-names"));
  ASYA_TRY(settings.username_headers, HeadersOf(*data, "requestheader-username-headers"));
  ASYA_TRY(settings.uid_headers, HeadersOf(*data, "requestheader-uid-headers"));
  ASYA_TRY(settings.group_headers, HeadersOf(*data, "requestheader-group-headers"));
  ASYA_TRY(settings.extra_prefixes, HeadersOf(*data, "requestheader-extra-headers-prefix"));
  for (std::string& prefix : settings.extra_prefixes) prefix = Lower(std::move(prefix));
  if (!settings.authorities.front_proxies_pem.empty() && settings.username_headers.empty()) {
    return asya::Invalid("data.requestheader-username-headers", "is missing");
  }
  return settings;
}

std::optional<User> UserOfHeaders(const FrontProxySettings& settings, const http::Headers& headers) {
  User user;
  user.name = FirstValue(headers, settings.username_headers);
  if (user.name.empty()) return std::nullopt;
  user.uid = FirstValue(headers, settings.uid_headers);
  user.groups = AllValues(headers, settings.group_headers);
  for (const std::string& prefix : settings.extra_prefixes) TakeExtra(headers, prefix, user);
  return user;
}

Authenticator ByFrontProxy(std::shared_ptr<const Current<FrontProxySettings>> settings, const Clock& clock) {
  return [settings = std::move(settings), &clock](const http::Request& request) -> Identity {
    const auto& certificate = request.client_certificate;
    if (!certificate || !certificate->of_front_proxy || clock.Now() > certificate->not_after) return std::nullopt;
    const auto now = settings->Get();
    const std::vector<std::string>& allowed = now->allowed_names;
    const bool known =
        allowed.empty() || std::find(allowed.begin(), allowed.end(), certificate->common_name) != allowed.end();
    return known ? UserOfHeaders(*now, request.headers) : std::nullopt;
  };
}

}  // namespace asya::apiserver
