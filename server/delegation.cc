#include "server/delegation.h"

#include <utility>

#include "apiserver/access/authenticators.h"
#include "apiserver/access/pod_rights.h"
#include "apiserver/health.h"
#include "apiserver/request_info.h"
#include "apiserver/status_error.h"
#include "compositions/settings.h"
#include "model/kinds.h"

namespace asya::server {
namespace {

constexpr const char* kSettingsPath = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";

observe::Counter ReadsCounter(observe::Metrics& metrics, const char* outcome) {
  return metrics.MakeCounter("asya_server_cluster_settings_total",
                             "Looks at whom the cluster says to believe, which brought news or failed.",
                             {{"outcome", outcome}});
}

bool IsDocument(const http::Request& request) {
  if (request.path.starts_with("/openapi/")) return true;
  const auto info = apiserver::ParseRequestInfo(request.method, request.path, false);
  return info && info->target != apiserver::RequestInfo::Target::kObjects;
}

bool IsForEverybody(const http::Request& request) {
  return apiserver::IsHealthPath(request.path) || request.path == "/version";
}

// Whether no answer can need the cluster, of one that has said whom to believe.
bool AsksNothing(const http::Request& request) {
  return request.client_certificate && !request.headers.Get("Authorization") && IsDocument(request);
}

}  // namespace

Delegation::Delegation(cluster::kubernetes::Endpoint endpoint, const Parts& parts)
    : logger_(parts.logger),
      clock_(parts.clock),
      taken_(ReadsCounter(parts.metrics, "taken")),
      failed_(ReadsCounter(parts.metrics, "failed")),
      refused_(parts.metrics.MakeCounter("asya_server_cluster_waits_refused_total",
                                         "Requests refused as too many that wait for the cluster.")),
      metrics_(parts.metrics),
      client_(std::move(endpoint), parts.clock),
      access_(client_),
      relay_access_(client_, compositions::kGatewayAudience),
      reviews_(std::make_shared<apiserver::AccessReviews>(access_, clock_)),
      settings_(std::make_shared<apiserver::Current<apiserver::FrontProxySettings>>(apiserver::FrontProxySettings{})),
      executor_(kThreads, kWaitingRequestsMax),
      repeated_(
          kSettingsPeriod, [this] { return Look(); },
          [this](const Error& error) {
            failed_.Add();
            logger_.Error("whom to believe cannot be read from the cluster; what was read before stays in use",
                          {{"field", error.field}, {"error", error.message}});
          }) {}

Delegation::~Delegation() { Stop(); }

apiserver::Authenticator Delegation::MakeAuthenticator() {
  return apiserver::WithAuthenticatedGroup(
      apiserver::FirstOf({apiserver::ByFrontProxy(settings_, clock_), apiserver::ByClientCertificate(clock_),
                          apiserver::ByTokenReview(access_, clock_, metrics_)}));
}

apiserver::Authorizer Delegation::MakeAuthorizer() { return apiserver::ByAccessReview(reviews_); }

apiserver::Authenticator Delegation::MakeRelayAuthenticator() {
  return apiserver::ByTokenReview(relay_access_, clock_, metrics_);
}

TaskRights Delegation::MakeTaskRights() {
  return [reviews = reviews_](const apiserver::User& user, const TaskQuestion& asked) -> apiserver::Outcome<bool> {
    ports::AccessQuestion question{apiserver::SubjectOf(user),
                                   asked.verb,
                                   std::string(model::kGroup),
                                   std::string(model::kVersion),
                                   asked.resource,
                                   "",
                                   asked.namespace_,
                                   ""};
    ASYA_TRY(const ports::AccessAnswer answer, reviews->Ask(question));
    return answer.allowed;
  };
}

apiserver::Admission Delegation::MakeAdmission(ports::ObjectStore& store) {
  return apiserver::PodRights(reviews_, store);
}

apiserver::NamespaceStateOf Delegation::MakeNamespaces() {
  return [this](const std::string& name) { return access_.StateOf(name); };
}

http::Handler Delegation::Dispatch(http::Handler next) {
  return [this, next = std::move(next)](http::Request request, http::Responder responder) {
    if (IsForEverybody(request)) return next(std::move(request), std::move(responder));
    if (const Status ready = Ready(); !ready.ok()) {
      return responder.Send(apiserver::ToResponse(apiserver::Unavailable(ready.error().message)));
    }
    if (AsksNothing(request)) return next(std::move(request), std::move(responder));
    const auto shared =
        std::make_shared<std::pair<http::Request, http::Responder>>(std::move(request), std::move(responder));
    const SteadyTime until = clock_.Steady() + kWaitMax;
    const bool taken = executor_.Submit([this, next, shared, until] {
      if (clock_.Steady() <= until) return next(std::move(shared->first), std::move(shared->second));
      refused_.Add();
      shared->second.Send(apiserver::ToResponse(apiserver::Unavailable("others have waited for the cluster too long")));
    });
    if (taken) return;
    refused_.Add();
    shared->second.Send(apiserver::ToResponse(apiserver::TooManyRequests()));
  };
}

void Delegation::Start(std::function<Status(const http::ClientAuthorities&)> use) {
  use_ = std::move(use);
  executor_.Start();
  repeated_.Start();
}

void Delegation::Stop() {
  client_.Cancel();
  repeated_.Stop();
  executor_.Stop();
}

Status Delegation::Ready() const {
  return ready_ ? Ok() : Status(Fail(ErrorCode::kUnavailable, "the cluster has not said yet whom to believe"));
}

Status Delegation::Look() {
  ASYA_TRY_STATUS(ReadSettings());
  ready_ = true;
  return Ok();
}

Status Delegation::ReadSettings() {
  ASYA_TRY(const json::Value config_map, client_.Get(kSettingsPath));
  const json::Value* data = config_map.Find("data");
  if (data != nullptr && *data == seen_) return Ok();
  ASYA_TRY(apiserver::FrontProxySettings next, apiserver::FrontProxySettings::Parse(config_map));
  ASYA_TRY_STATUS(use_(next.authorities));
  settings_->Put(std::move(next));
  seen_ = *data;
  taken_.Add();
  logger_.Info("the cluster says whom to believe", {{"cluster", client_.endpoint().url}});
  return Ok();
}

}  // namespace asya::server
