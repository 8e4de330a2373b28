#include "relay/status_error.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <utility>

#include "core/json/parse.h"

namespace asya::relay {
namespace {

constexpr std::chrono::seconds kRetryAfterLimit{3600};

// Of RFC 9110; others have the name of their class alone.
constexpr std::pair<int, const char*> kNames[] = {
    {400, "BadRequest"},
    {401, "Unauthorized"},
    {402, "PaymentRequired"},
    {403, "Forbidden"},
    {404, "NotFound"},
    {405, "MethodNotAllowed"},
    {408, "RequestTimeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {413, "ContentTooLarge"},
    {415, "UnsupportedMediaType"},
    {422, "UnprocessableContent"},
    {424, "FailedDependency"},
    {425, "TooEarly"},
    {429, "TooManyRequests"},
    {500, "InternalServerError"},
    {501, "NotImplemented"},
    {502, "BadGateway"},
    {503, "ServiceUnavailable"},
    {504, "GatewayTimeout"},
};
constexpr int kTransient[] = {408, 425, 429, 502, 503, 504};

const char* ClassOf(int status) {
  if (status >= 500) return "http.ServerError";
  return status >= 400 ? "http.ClientError" : "http.Redirect";
}

}  // namespace

HandlerError StatusError(int status, const std::string& message) {
  const std::string group = ClassOf(status);
  const auto* const name =
      std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& entry) { return entry.first == status; });
  HandlerError error;
  error.type = name == std::end(kNames) ? group : std::string("http.") + name->second;
  error.mro.push_back("http.Status" + std::to_string(status));
  if (std::find(std::begin(kTransient), std::end(kTransient), status) != std::end(kTransient)) {
    error.mro.emplace_back("http.Transient");
  }
  if (group != error.type) error.mro.push_back(group);
  error.mro.emplace_back("http.StatusError");
  error.message = "the model server answered " + std::to_string(status);
  if (group == "http.Redirect") error.message += ": redirects are not followed";
  if (!message.empty()) error.message += ": " + message;
  return error;
}

HandlerError ErrorIn(const json::Value& error) {
  const std::string message = error.IsString() ? error.AsString() : error.GetString("message").value_or("");
  const std::int64_t code = error.GetInt("code").value_or(0);
  HandlerError result = StatusError(code >= 400 && code < 600 ? static_cast<int>(code) : 500, "");
  result.message = "the model server answered an error" + (message.empty() ? "" : ": " + message);
  return result;
}

std::string MessageIn(std::string_view body) {
  const auto value = json::Parse(body);
  if (!value.ok() || !value->IsObject()) return "";
  if (const json::Value* error = value->Find("error")) {
    if (error->IsString()) return error->AsString();
    if (const auto message = error->GetString("message")) return *message;
  }
  for (const char* field : {"message", "detail"}) {
    if (const auto message = value->GetString(field)) return *message;
  }
  return "";
}

void Redact(std::string& text, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3)) {
      text.replace(at, secret.size(), "***");
    }
  }
}

std::optional<std::chrono::microseconds> RetryAfter(const std::string& value, WallTime now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc() || end != value.data() + value.size()) {
    std::tm date{};
    const char* rest = ::strptime(value.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (rest == nullptr || *rest != '\0') return std::nullopt;
    const auto at = std::chrono::system_clock::from_time_t(::timegm(&date));
    seconds = std::chrono::ceil<std::chrono::seconds>(at.time_since_epoch() - now.time_since_epoch()).count();
  }
  return std::clamp<std::chrono::microseconds>(
      std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kRetryAfterLimit.count())),
      std::chrono::microseconds(0), kRetryAfterLimit);
}

}  // namespace asya::relay
