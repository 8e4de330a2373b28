#include "apiserver/access/attributes.h"

#include <string_view>

#include "model/validate/syntax.h"

namespace asya::apiserver {
namespace {

// As authorizer and client-go word it: the namespace of a namespace is itself.
std::string Words(const Call& call) {
  std::string namespace_ = call.resource->kind.namespaced ? call.info.namespace_ : "";
  if (call.resource->group.empty() && call.resource->kind.plural == "namespaces") namespace_ = call.info.name;
  std::string what = call.resource->kind.plural;
  if (!call.info.subresource.empty()) what += "/" + call.info.subresource;
  const std::string where = namespace_.empty() ? "at the cluster scope" : "in the namespace " + json::Quote(namespace_);
  return "User " + json::Quote(call.user.name) + " cannot " + call.info.verb + " resource " + json::Quote(what) +
         " in API group " + json::Quote(call.resource->group) + " " + where;
}

}  // namespace

std::string NameSelected(const Call& call) {
  constexpr std::string_view kSelector = "metadata.name=";
  if (!call.info.name.empty() || (call.info.verb != "list" && call.info.verb != "watch")) return "";
  const std::string selector = call.request.Query("fieldSelector").value_or("");
  if (!selector.starts_with(kSelector) || selector.find(',') != std::string::npos) return "";
  const std::string name = selector.substr(kSelector.size());
  return model::IsDnsSubdomain(name) ? name : "";
}

StatusError Denial(const Call& call, const std::string& reason) {
  return Forbidden(*call.resource, call.info.name, Words(call) + (reason.empty() ? "" : ": " + reason));
}

}  // namespace asya::apiserver
