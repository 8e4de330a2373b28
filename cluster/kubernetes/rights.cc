#include "cluster/kubernetes/rights.h"

#include <algorithm>

#include "cluster/kubernetes/child_kinds.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr const char* kReviews = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";

bool Has(const json::Value& rule, const char* list, const std::string& wanted) {
  const json::Value* values = rule.Find(list);
  return values != nullptr && values->IsArray() && std::ranges::any_of(values->AsArray(), [&](const json::Value& one) {
           return one == json::Value(wanted) || one == json::Value("*");
         });
}

bool IsOfSomeNamesAlone(const json::Value& rule) {
  const json::Value* names = rule.Find("resourceNames");
  return names != nullptr && names->IsArray() && !names->AsArray().empty();
}

std::string GroupOf(const Kind& kind) {
  const std::size_t slash = kind.api_version.find('/');
  return slash == std::string::npos ? std::string() : kind.api_version.substr(0, slash);
}

}  // namespace

Status CheckRights(Client& client, const std::vector<json::Value>& objects) {
  if (objects.empty()) return Ok();
  const std::string namespace_ = MetadataOf(objects.front(), "namespace");
  const json::Object review{{"apiVersion", "authorization.k8s.io/v1"},
                            {"kind", "SelfSubjectRulesReview"},
                            {"spec", json::Object{{"namespace", namespace_}}}};
  const auto told = client.Send({"POST", kReviews, review});
  const json::Value* status = told.ok() ? told->Find("status") : nullptr;
  const json::Value* rules = status == nullptr ? nullptr : status->Find("resourceRules");
  if (rules == nullptr || !rules->IsArray() || status->GetBool("incomplete") == true) return Ok();
  for (const json::Value& object : objects) {
    ASYA_TRY(const ports::ResourceRef ref, RefOf(object));
    const Kind* kind = FindChildKind(ref);
    if (kind == nullptr) continue;
    const std::string group = GroupOf(*kind);
    for (const char* verb : {"create", "patch"}) {
      const bool may = std::ranges::any_of(rules->AsArray(), [&](const json::Value& rule) {
        return Has(rule, "verbs", verb) && Has(rule, "apiGroups", group) && Has(rule, "resources", kind->resource) &&
               !IsOfSomeNamesAlone(rule);
      });
      if (may) continue;
      return Fail(ErrorCode::kForbidden, ref.kind + " " + ref.name + ": the server cannot " + verb + " resource \"" +
                                             kind->resource + "\" in API group \"" + group + "\" in the namespace \"" +
                                             namespace_ + "\"");
    }
  }
  return Ok();
}

}  // namespace asya::cluster::kubernetes
