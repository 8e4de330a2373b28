#include "apiserver/access/delegated.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "apiserver/access/attributes.h"
#include "apiserver/access/authenticators.h"
#include "apiserver/access/roles.h"
#include "apiserver/access/token_file.h"
#include "apiserver/object.h"

namespace asya::apiserver {
namespace {

constexpr const char* kUnauthenticatedGroup = "system:unauthenticated";

bool IsIn(const std::vector<std::string>& groups, const char* group) {
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

ports::Subject SubjectOf(const User& user) { return {user.name, user.uid, user.groups, user.extra}; }

ports::AccessQuestion QuestionOf(const Call& call) {
  ports::AccessQuestion question;
  question.subject = SubjectOf(call.user);
  question.verb = call.info.verb;
  question.group = call.resource->group;
  question.version = call.resource->version;
  question.resource = call.resource->kind.plural;
  question.subresource = call.info.subresource;
  question.namespace_ = call.info.namespace_;
  question.name = call.info.name.empty() ? NameSelected(call) : call.info.name;
  return question;
}

// With lengths, so that no two questions are the same text.
void Append(std::string& text, const std::string& part) {
  text += std::to_string(part.size());
  text += ':';
  text += part;
}

std::string TextOf(const ports::AccessQuestion& question) {
  std::string text;
  const ports::Subject& subject = question.subject;
  for (const std::string* part : {&subject.name, &subject.uid, &question.verb, &question.group, &question.version,
                                  &question.resource, &question.subresource, &question.namespace_, &question.name}) {
    Append(text, *part);
  }
  Append(text, std::to_string(subject.groups.size()));
  for (const std::string& group : subject.groups) Append(text, group);
  for (const auto& [key, values] : subject.extra) {
    Append(text, key);
    Append(text, std::to_string(values.size()));
    for (const std::string& value : values) Append(text, value);
  }
  return text;
}

// In the words of a refusal to do it oneself.
std::string Wanted(const ports::AccessQuestion& question) {
  const std::string name = question.name.empty() ? "" : " " + json::Quote(question.name);
  return question.verb + " resource " + json::Quote(question.resource) + name + " in API group " +
         json::Quote(question.group) + " in the namespace " + json::Quote(question.namespace_);
}

Outcome<Done> MayHave(AccessReviews& reviews, const AdmissionRequest& request, ports::AccessQuestion question) {
  const Call& call = request.call;
  question.subject = SubjectOf(call.user);
  question.version = "v1";
  question.namespace_ = call.info.namespace_;
  ASYA_TRY(const ports::AccessAnswer answer, reviews.Ask(question));
  if (answer.allowed) return Done{};
  return Forbidden(*call.resource, MetadataText(request.object, "name"),
                   "its pods would do it for user " + json::Quote(call.user.name) + ", who cannot " + Wanted(question));
}

std::string AccountOf(const json::Value* spec) {
  return spec == nullptr ? "" : spec->GetString("serviceAccountName").value_or("");
}

}  // namespace

Authenticator ByTokenReview(ports::ClusterAccess& cluster, const Clock& clock) {
  using Known = std::optional<User>;
  const auto known = std::make_shared<ShortMemory<Known>>(clock, kReviewAgeMax, kTokenReviewsMax);
  return [&cluster, known](const http::Request& request) -> Identity {
    const std::string token = BearerToken(request);
    if (token.empty() || token.size() > kTokenBytesMax) return std::nullopt;
    if (auto answer = known->Recall(token)) return *std::move(answer);
    auto reviewed = cluster.ReviewToken(token);
    if (!reviewed.ok()) return Unavailable("the cluster does not tell whose token it is: " + reviewed.error().message);
    Known user;
    if (auto& subject = *reviewed) {
      user = User{std::move(subject->name), std::move(subject->groups), std::move(subject->uid),
                  std::move(subject->extra)};
    }
    known->Keep(token, user);
    return user;
  };
}

Authenticator WithAuthenticatedGroup(Authenticator next) {
  return [next = std::move(next)](const http::Request& request) -> Identity {
    Identity known = next(request);
    if (!known) return known;
    if (IsIn(known->groups, kAuthenticatedGroup) || IsIn(known->groups, kUnauthenticatedGroup)) return known;
    User user = *known;
    user.groups.emplace_back(kAuthenticatedGroup);
    return user;
  };
}

Outcome<ports::AccessAnswer> AccessReviews::Ask(const ports::AccessQuestion& question) {
  if (IsIn(question.subject.groups, kMastersGroup)) return ports::AccessAnswer{true, ""};
  const std::string text = TextOf(question);
  if (auto answer = known_.Recall(text)) return *std::move(answer);
  auto reviewed = cluster_.ReviewAccess(question);
  if (!reviewed.ok()) return Unavailable("the cluster does not tell who may do this: " + reviewed.error().message);
  known_.Keep(text, *reviewed);
  return *std::move(reviewed);
}

Authorizer ByAccessReview(std::shared_ptr<AccessReviews> reviews) {
  return [reviews = std::move(reviews)](const Call& call) -> Outcome<Done> {
    ASYA_TRY(const ports::AccessAnswer answer, reviews->Ask(QuestionOf(call)));
    if (answer.allowed) return Done{};
    return Denial(call, answer.reason);
  };
}

Admission PodRights(std::shared_ptr<AccessReviews> reviews) {
  return [reviews = std::move(reviews)](AdmissionRequest& request) -> Outcome<Done> {
    const Call& call = request.call;
    // A scale or status is no way to other pods.
    if (call.resource->kind.kind != "AsyncActor" || !call.info.subresource.empty()) return Done{};
    const json::Value* spec = request.object.Find("spec");
    const json::Value* before = request.old == nullptr ? nullptr : request.old->Find("spec");
    if (spec == nullptr || (before != nullptr && *spec == *before)) return Done{};
    ports::AccessQuestion pods;
    pods.verb = "create";
    pods.resource = "pods";
    ASYA_TRY([[maybe_unused]] const Done made, MayHave(*reviews, request, std::move(pods)));
    ports::AccessQuestion account;
    account.verb = "use";
    account.resource = "serviceaccounts";
    account.name = AccountOf(spec);
    if (account.name.empty() || account.name == AccountOf(before)) return Done{};
    return MayHave(*reviews, request, std::move(account));
  };
}

}  // namespace asya::apiserver
