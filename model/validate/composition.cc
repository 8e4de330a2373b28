#include <charconv>
#include <string_view>

#include "model/path.h"
#include "model/validate/causes.h"
#include "model/validate/syntax.h"

namespace asya::model {
namespace {

bool IsPort(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65'535;
}

bool IsIpv6(std::string_view text) {
  return !text.empty() && text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

bool IsHostAndPort(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !IsPort(text.substr(colon + 1))) return false;
  const std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) return IsIpv6(host.substr(1, host.size() - 2));
  return IsDnsSubdomain(host);
}

void CheckCredentials(const json::Value& step, const std::string& path, Causes& causes) {
  const json::Value* list = step.Find("credentials");
  if (list == nullptr || !list->IsArray()) return;
  for (std::size_t i = 0; i < list->AsArray().size(); ++i) {
    const json::Value& item = list->AsArray()[i];
    const std::string at = ElementPath(path + ".credentials", i) + ".secretRef";
    const auto source = item.GetString("source");
    const bool named = item.Find("secretRef") != nullptr;
    if (source == "Secret" && !named) AddRequired(causes, at, "the source is Secret");
    if (source == "None" && named) AddForbidden(causes, at, "the source is None");
  }
}

}  // namespace

void CheckComposition(const json::Value& spec, const json::Value* old, Causes& causes) {
  const json::Value* type = spec.Find("compositeTypeRef");
  const json::Value* before = old == nullptr ? nullptr : old->FindPath({"spec", "compositeTypeRef"});
  if (before != nullptr && type != nullptr && *type != *before) {
    AddInvalid(causes, "spec.compositeTypeRef", *type, "field is immutable: make another Composition");
  }
  const json::Value* pipeline = spec.Find("pipeline");
  if (pipeline == nullptr || !pipeline->IsArray()) return;
  if (pipeline->AsArray().empty()) AddRequired(causes, "spec.pipeline", "at least one step");
  for (std::size_t i = 0; i < pipeline->AsArray().size(); ++i) {
    CheckCredentials(pipeline->AsArray()[i], ElementPath("spec.pipeline", i), causes);
  }
}

void CheckFunction(const json::Value& spec, Causes& causes) {
  const json::Value* endpoint = spec.Find("endpoint");
  if (endpoint == nullptr || !endpoint->IsString() || endpoint->AsString().empty()) return;
  if (!IsHostAndPort(endpoint->AsString())) {
    AddInvalid(causes, "spec.endpoint", *endpoint, "must be HOST:PORT such as \"function-x.default:9443\"");
  }
}

}  // namespace asya::model
