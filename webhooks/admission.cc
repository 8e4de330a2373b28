#include "webhooks/admission.h"

#include <chrono>
#include <utility>
#include <vector>

#include "model/kinds.h"
#include "model/validation.h"
#include "model/warnings.h"
#include "ports/resource.h"
#include "webhooks/injection.h"

namespace asya::webhooks {

using ports::AnnotationOf;
using ports::LabelOf;

namespace {

constexpr const char* kPatched = "patched";
constexpr const char* kAllowed = "allowed";
constexpr const char* kRefused = "refused";
constexpr const char* kUnreadable = "unreadable";

const std::vector<double>& Bounds() {
  static const std::vector<double> bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1};
  return bounds;
}

// A review that a configuration of ours would never ask for; whoever wrote another one hears it.
Status CheckIsPod(const Review& review) {
  if (review.group.empty() && review.version == "v1" && review.resource == "pods") return Ok();
  return Invalid("request.resource", "got " + json::Quote(review.group + "/" + review.version + "/" + review.resource) +
                                         "; this webhook takes pods of v1: correct the rules of its configuration");
}

// What happens to a pod later changes nothing of what runs in it. The mirror of a static pod is made by a kubelet,
// which runs what its file says.
bool IsNew(const Review& review) {
  return review.operation == "CREATE" && review.subresource.empty() &&
         AnnotationOf(review.object, kMirrorAnnotation).empty();
}

Verdict Allowed() { return {}; }

http::Response StatusResponse(int code, const char* reason, const std::string& message) {
  return {code,
          json::Dump(json::Object{{"kind", "Status"},
                                  {"apiVersion", "v1"},
                                  {"metadata", json::Object()},
                                  {"status", "Failure"},
                                  {"code", code},
                                  {"reason", reason},
                                  {"message", message}}),
          "application/json",
          {}};
}

http::Response Unreadable(const Error& error) {
  const std::string message = error.field.empty() ? error.message : error.field + ": " + error.message;
  if (error.code == ErrorCode::kTooLarge) return StatusResponse(413, "RequestEntityTooLarge", message);
  return StatusResponse(400, "BadRequest", message);
}

}  // namespace

Verdict InjectPod(const Review& review, const FindParts& find) {
  if (const Status pod = CheckIsPod(review); !pod.ok()) return Refusal(pod.error());
  if (!IsNew(review) || LabelOf(review.object, kInjectLabel) != "true") return Allowed();
  const std::string actor = LabelOf(review.object, kActorLabel);
  if (actor.empty()) {
    return Refusal(Invalid("metadata.labels[asya.sh/actor]",
                           "Required value: the pod is labelled asya.sh/inject: \"true\"; label it asya.sh/actor: NAME "
                           "too, of an AsyncActor in namespace " +
                               json::Quote(review.namespace_)));
  }
  const auto parts = find(review.namespace_, actor);
  if (!parts.ok()) return Refusal(parts.error());
  auto patch = Inject(review.object, actor, **parts);
  if (!patch.ok()) return Refusal(patch.error());
  Verdict verdict;
  verdict.patch = std::move(*patch);
  return verdict;
}

Verdict CheckPod(const Review& review) {
  if (const Status pod = CheckIsPod(review); !pod.ok()) return Refusal(pod.error());
  if (!IsNew(review) || LabelOf(review.object, kInjectLabel) != "true") return Allowed();
  const Status injected = CheckInjected(review.object);
  return injected.ok() ? Allowed() : Refusal(injected.error());
}

Verdict CheckKind(const Review& review) {
  const bool ours = review.group == model::kGroup && review.version == model::kVersion;
  const model::KindInfo* kind = ours ? model::FindKind(review.resource) : nullptr;
  const bool written = review.operation == "CREATE" || review.operation == "UPDATE";
  if (kind == nullptr || !written || !review.subresource.empty()) return Allowed();
  if (!review.object.IsObject()) return Refusal(Invalid("request.object", "Required value"));
  // What is being deleted only loses finalizers; it must be able to, whatever was accepted once.
  if (review.object.FindPath({"metadata", "deletionTimestamp"}) != nullptr) return Allowed();
  const json::Value* old = review.old_object.IsObject() ? &review.old_object : nullptr;
  const std::vector<model::Cause> causes = model::Validate(*kind, review.object, old);
  if (!causes.empty()) {
    return Refusal(Invalid("", kind->kind + "." + std::string(model::kGroup) + " " + json::Quote(review.name) +
                                   " is invalid: " + model::Describe(causes)));
  }
  Verdict verdict;
  if (const json::Value* spec = review.object.Find("spec")) verdict.warnings = model::WarningsOf(*spec);
  return verdict;
}

Admission::Admission(Parts parts) : parts_(std::move(parts)) {
  AddWebhook(kInjectPath, "inject", [this](const Review& review) { return InjectPod(review, parts_.find); });
  AddWebhook(kCheckPath, "check", CheckPod);
  AddWebhook(kKindsPath, "kinds", CheckKind);
}

void Admission::AddWebhook(const char* path, const char* name, std::function<Verdict(const Review&)> judge) {
  Webhook webhook;
  webhook.judge = std::move(judge);
  for (const char* result : {kPatched, kAllowed, kRefused, kUnreadable}) {
    const observe::MetricLabels labels{{"webhook", name}, {"result", result}};
    webhook.series.emplace(
        result,
        Series{parts_.metrics.MakeCounter("asya_webhook_reviews_total",
                                          "Reviews that kube-apiserver asked for, by what was answered.", labels),
               parts_.metrics.MakeHistogram("asya_webhook_review_seconds", "From a review that was read to its answer.",
                                            Bounds(), labels)});
  }
  webhooks_.emplace(path, std::move(webhook));
}

http::Response Admission::Answer(const http::Request& request) const {
  const auto found = webhooks_.find(request.path);
  if (found == webhooks_.end()) {
    return StatusResponse(404, "NotFound",
                          std::string("there are ") + kInjectPath + ", " + kCheckPath + " and " + kKindsPath);
  }
  const SteadyTime begin = parts_.clock.Steady();
  std::string result;
  http::Response response = Judge(found->second, request, result);
  const Series& series = found->second.series.at(result);
  series.reviews.Add();
  series.seconds.Observe(std::chrono::duration<double>(parts_.clock.Steady() - begin).count());
  return response;
}

http::Response Admission::Judge(const Webhook& webhook, const http::Request& request, std::string& result) const {
  result = kUnreadable;
  if (request.method != "POST") return StatusResponse(405, "MethodNotAllowed", "POST is accepted");
  if (!request.headers.Get("Content-Type").value_or("").starts_with("application/json")) {
    return StatusResponse(415, "UnsupportedMediaType", "application/json is accepted");
  }
  const auto review = ParseReview(request.body);
  if (!review.ok()) return Unreadable(review.error());
  const Verdict verdict = webhook.judge(*review);
  result = !verdict.allowed ? kRefused : verdict.patch.empty() ? kAllowed : kPatched;
  if (!verdict.allowed) {
    parts_.logger.Info("refused", {{"path", request.path},
                                   {"resource", review->resource},
                                   {"namespace", review->namespace_},
                                   {"why", verdict.message}});
  }
  return {200, RenderReview(review->uid, verdict), "application/json", {}};
}

}  // namespace asya::webhooks
