#include "apiserver/access/pod_rights.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "apiserver/flavors.h"
#include "apiserver/object.h"
#include "model/kinds.h"

namespace asya::apiserver {
namespace {

constexpr const char* kMakesAccount = "asya.sh/service-account";  // the annotation, of value "create"
// Of a spec: how many pods there are, and nothing of what they are.
constexpr const char* kCounts[] = {"paused", "replicas", "scaling"};

const json::Value* MetadataPart(const json::Value& object, const char* part) {
  return object.FindPath({"metadata", part});
}

bool MakesAccount(const json::Value& object) {
  const json::Value* annotations = MetadataPart(object, "annotations");
  return annotations != nullptr && annotations->GetString(kMakesAccount) == "create";
}

std::string AccountIn(const json::Value& object) {
  const json::Value* spec = object.Find("spec");
  return spec == nullptr ? "" : spec->GetString("serviceAccountName").value_or("");
}

// All that pods are made from. Labels are copied to them; annotations name the cloud identity of an account that is
// made for them.
json::Value PodsOf(const json::Value& object) {
  json::Object pods;
  if (const json::Value* spec = object.Find("spec"); spec != nullptr && spec->IsObject()) {
    json::Value kept = *spec;
    for (const char* count : kCounts) kept.AsObject().erase(count);
    pods["spec"] = std::move(kept);
  }
  if (const json::Value* labels = MetadataPart(object, "labels")) pods["labels"] = *labels;
  if (MakesAccount(object)) pods["annotations"] = *MetadataPart(object, "annotations");
  return pods;
}

const json::Value* TriggersOf(const json::Value& object) {
  const json::Value* triggers = object.FindPath({"spec", "scaling", "additionalTriggers"});
  return triggers != nullptr && triggers->IsArray() ? triggers : nullptr;
}

// Whether KEDA is to follow a trigger that nobody has answered for yet.
bool HasNewTriggers(const AdmissionRequest& request) {
  const json::Value* now = TriggersOf(request.object);
  if (now == nullptr) return false;
  const json::Value* old = request.old == nullptr ? nullptr : TriggersOf(*request.old);
  const json::Array before = old == nullptr ? json::Array() : old->AsArray();
  return std::any_of(now->AsArray().begin(), now->AsArray().end(), [&before](const json::Value& trigger) {
    return std::find(before.begin(), before.end(), trigger) == before.end();
  });
}

// As whom the pods of an actor run. Of a flavor that is not there yet who writes it answers for that.
Outcome<std::set<std::string>> AccountsOf(ports::ObjectStore& store, const json::Value& actor) {
  if (const std::string own = AccountIn(actor); !own.empty()) return std::set<std::string>{own};
  std::set<std::string> accounts;
  ASYA_TRY(const std::vector<json::Value> flavors, FlavorsOf(store, actor));
  for (const json::Value& flavor : flavors) accounts.insert(AccountIn(flavor));
  accounts.erase("");
  if (accounts.empty() && MakesAccount(actor)) accounts.insert(MetadataText(actor, "name"));
  return accounts;
}

// In the words of a refusal to do it oneself.
std::string Wanted(const ports::AccessQuestion& question) {
  const std::string name = question.name.empty() ? "" : " " + json::Quote(question.name);
  const std::string where =
      question.namespace_.empty() ? "in all namespaces" : "in the namespace " + json::Quote(question.namespace_);
  return question.verb + " resource " + json::Quote(question.resource) + name + " in API group " +
         json::Quote(question.group) + " " + where;
}

ports::AccessQuestion Question(const char* verb, const char* resource, const std::string& name = "") {
  ports::AccessQuestion question;
  question.verb = verb;
  question.version = "v1";
  question.resource = resource;
  question.name = name;
  return question;
}

// `doer`: what would do it for the user, in the refusal.
Outcome<Done> MayHave(AccessReviews& reviews, const AdmissionRequest& request, ports::AccessQuestion question,
                      const char* doer = "pods") {
  const Call& call = request.call;
  question.subject = SubjectOf(call.user);
  question.namespace_ = call.info.namespace_;
  ASYA_TRY(const ports::AccessAnswer answer, reviews.Ask(question));
  if (answer.allowed) return Done{};
  return Forbidden(*call.resource, MetadataText(request.object, "name"),
                   std::string("its ") + doer + " would do it for user " + json::Quote(call.user.name) +
                       ", who cannot " + Wanted(question));
}

// The servers write the ScaledObject. Whoever could name triggers without a right to such would have KEDA show any
// ClusterTriggerAuthentication to an address of their choice.
Outcome<Done> MayHaveTriggers(AccessReviews& reviews, const AdmissionRequest& request) {
  if (!HasNewTriggers(request)) return Done{};
  ports::AccessQuestion question = Question("create", "scaledobjects");
  question.group = "keda.sh";
  question.version = "v1alpha1";
  return MayHave(reviews, request, question, "additionalTriggers");
}

}  // namespace

Admission PodRights(std::shared_ptr<AccessReviews> reviews, ports::ObjectStore& store) {
  return [reviews = std::move(reviews), &store](AdmissionRequest& request) -> Outcome<Done> {
    const std::string& kind = request.call.resource->kind.kind;
    if (kind != "AsyncActor" && kind != "Flavor") return Done{};
    ASYA_TRY([[maybe_unused]] const Done triggers, MayHaveTriggers(*reviews, request));
    // Also of a subresource: an apply of a scale may take away what an owner, true or forged, is said to have set.
    if (request.old != nullptr && PodsOf(*request.old) == PodsOf(request.object)) return Done{};
    ASYA_TRY([[maybe_unused]] const Done pods, MayHave(*reviews, request, Question("create", "pods")));
    if (kind == "AsyncActor" && MakesAccount(request.object)) {
      ASYA_TRY([[maybe_unused]] const Done made, MayHave(*reviews, request, Question("create", "serviceaccounts")));
    }
    ASYA_TRY(const std::set<std::string> accounts, AccountsOf(store, request.object));
    for (const std::string& account : accounts) {
      ASYA_TRY([[maybe_unused]] const Done used,
               MayHave(*reviews, request, Question("use", "serviceaccounts", account)));
    }
    return Done{};
  };
}

}  // namespace asya::apiserver
