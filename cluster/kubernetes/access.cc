#include "cluster/kubernetes/access.h"

#include <utility>

#include "model/validate/syntax.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr const char* kTokenReviews = "/apis/authentication.k8s.io/v1/tokenreviews";
constexpr const char* kAccessReviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

json::Object Review(const char* api_version, const char* kind, json::Object spec) {
  return json::Object{{"apiVersion", api_version}, {"kind", kind}, {"spec", std::move(spec)}};
}

json::Array Strings(const std::vector<std::string>& values) {
  json::Array array;
  for (const std::string& value : values) array.emplace_back(value);
  return array;
}

std::vector<std::string> TextsOf(const json::Value* list) {
  std::vector<std::string> texts;
  if (list == nullptr || !list->IsArray()) return texts;
  for (const json::Value& one : list->AsArray()) {
    if (one.IsString()) texts.push_back(one.AsString());
  }
  return texts;
}

Error NoStatus() { return Fail(ErrorCode::kUnavailable, "the review came back without an answer"); }

// What the cluster could not answer for a reason other than the question: an error of this side is none of the asker's.
Error NotAnswered(Error error) {
  if (error.code != ErrorCode::kTimeout) error.code = ErrorCode::kUnavailable;
  return error;
}

json::Object SpecOf(const ports::AccessQuestion& question) {
  json::Object attributes{{"verb", question.verb},
                          {"group", question.group},
                          {"version", question.version},
                          {"resource", question.resource}};
  if (!question.subresource.empty()) attributes["subresource"] = question.subresource;
  if (!question.namespace_.empty()) attributes["namespace"] = question.namespace_;
  if (!question.name.empty()) attributes["name"] = question.name;
  const ports::Subject& subject = question.subject;
  json::Object spec{{"user", subject.name}, {"groups", Strings(subject.groups)}, {"resourceAttributes", attributes}};
  if (!subject.uid.empty()) spec["uid"] = subject.uid;
  json::Object extra;
  for (const auto& [key, values] : subject.extra) extra[key] = Strings(values);
  if (!extra.empty()) spec["extra"] = std::move(extra);
  return spec;
}

}  // namespace

Result<std::optional<ports::Subject>> KubernetesAccess::ReviewToken(const std::string& token) {
  json::Object spec{{"token", token}};
  if (!audience_.empty()) spec["audiences"] = json::Array{audience_};
  auto review = client_.Create(kTokenReviews, Review("authentication.k8s.io/v1", "TokenReview", std::move(spec)));
  if (!review.ok()) return NotAnswered(review.error());
  const json::Value* status = review->Find("status");
  if (status == nullptr || !status->IsObject()) return NoStatus();
  if (!status->GetBool("authenticated").value_or(false)) return std::optional<ports::Subject>();
  // A cluster that knows no audiences says nothing of them, and its answer is about its own API.
  if (!audience_.empty() && TextsOf(status->Find("audiences")) != std::vector<std::string>{audience_}) {
    return std::optional<ports::Subject>();
  }
  const json::Value* user = status->Find("user");
  if (user == nullptr || user->GetString("username").value_or("").empty()) return NoStatus();
  ports::Subject subject;
  subject.name = user->GetString("username").value_or("");
  subject.uid = user->GetString("uid").value_or("");
  subject.groups = TextsOf(user->Find("groups"));
  const json::Value* extra = user->Find("extra");
  if (extra != nullptr && extra->IsObject()) {
    for (const auto& [key, values] : extra->AsObject()) subject.extra[key] = TextsOf(&values);
  }
  return std::optional<ports::Subject>(std::move(subject));
}

Result<ports::AccessAnswer> KubernetesAccess::ReviewAccess(const ports::AccessQuestion& question) {
  auto review =
      client_.Create(kAccessReviews, Review("authorization.k8s.io/v1", "SubjectAccessReview", SpecOf(question)));
  if (!review.ok()) return NotAnswered(review.error());
  const json::Value* status = review->Find("status");
  if (status == nullptr || !status->GetBool("allowed")) return NoStatus();
  const bool denied = status->GetBool("denied").value_or(false);
  return ports::AccessAnswer{*status->GetBool("allowed") && !denied, status->GetString("reason").value_or("")};
}

Result<ports::NamespaceState> KubernetesAccess::StateOf(const std::string& namespace_) {
  if (!model::IsDnsLabel(namespace_)) return ports::NamespaceState::kMissing;
  const auto found = client_.Get("/api/v1/namespaces/" + namespace_);
  if (!found.ok() && found.error().code == ErrorCode::kNotFound) return ports::NamespaceState::kMissing;
  if (!found.ok()) return NotAnswered(found.error());
  const json::Value* deleted = found->FindPath({"metadata", "deletionTimestamp"});
  const json::Value* phase = found->FindPath({"status", "phase"});
  const bool going =
      (deleted != nullptr && !deleted->IsNull()) || (phase != nullptr && *phase == json::Value("Terminating"));
  return going ? ports::NamespaceState::kTerminating : ports::NamespaceState::kActive;
}

}  // namespace asya::cluster::kubernetes
