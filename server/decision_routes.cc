#include "server/decision_routes.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "apiserver/call.h"
#include "apiserver/request_info.h"
#include "apiserver/resource.h"
#include "core/json/parse.h"
#include "model/validate/syntax.h"

namespace asya::server {
namespace {

constexpr std::int64_t kDefaultLimit = 10;
constexpr const char* kActorPath = "/apis/asya.sh/v1alpha1/namespaces/{namespace}/asyncactors/{name}/decisions";

std::int64_t LimitOf(const http::Request& request) {
  const std::string text = request.Query("limit").value_or("");
  const bool digits = !text.empty() && text.size() < 4 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? std::stoll(text) : kDefaultLimit;
}

json::Array ItemsOf(const std::vector<ports::Decision>& decisions) {
  json::Array items;
  for (const ports::Decision& decision : decisions) {
    auto inputs = json::Parse(decision.inputs_json);
    items.push_back(json::Object{{"namespace", decision.namespace_},
                                 {"actor", decision.actor},
                                 {"at", FormatRfc3339(decision.at, true)},
                                 {"from", decision.from_replicas},
                                 {"to", decision.to_replicas},
                                 {"reason", decision.reason},
                                 {"inputs", inputs.ok() ? std::move(inputs).value() : json::Value()}});
  }
  return items;
}

http::Response AnswerOf(const json::Object& object) { return {200, json::Dump(object), "application/json", {}}; }

json::Object ObjectOf(const ports::Autoscaler& autoscaler) {
  return {
      {"name", autoscaler.name},         {"works", autoscaler.works ? json::Value(*autoscaler.works) : json::Value()},
      {"replicas", autoscaler.replicas}, {"desired", autoscaler.desired},
      {"reason", autoscaler.reason},     {"message", autoscaler.message}};
}

}  // namespace

void AddDecisionRoutes(http::Router& router, const ports::DecisionLog& decisions) {
  router.Add("GET", "/api/v1/decisions", [&decisions](http::Request request, http::Responder responder) {
    responder.Send(
        AnswerOf({{"items", ItemsOf(decisions.Last(request.Query("namespace").value_or("default"),
                                                   request.Query("actor").value_or(""), LimitOf(request)))}}));
  });
  router.Add("GET", kActorPath, [&decisions](http::Request request, http::Responder responder) {
    responder.Send(AnswerOf({{"items", ItemsOf(decisions.Last(request.parameters["namespace"],
                                                              request.parameters["name"], LimitOf(request)))}}));
  });
}

void AddDecisionRoutes(http::Router& router, const ports::DecisionLog& decisions, ports::FindAutoscaler find_autoscaler,
                       apiserver::Authenticator authenticate, apiserver::Authorizer authorize) {
  router.Add("GET", kActorPath,
             [&decisions, find_autoscaler = std::move(find_autoscaler), authenticate = std::move(authenticate),
              authorize = std::move(authorize)](http::Request request, http::Responder responder) {
               const apiserver::Identity known = authenticate(request);
               if (known.failure()) return responder.Send(apiserver::ToResponse(*known.failure()));
               if (!known) return responder.Send({401, "Unauthorized\n", "text/plain", {}});
               const auto info = apiserver::ParseRequestInfo("GET", request.path, false);
               if (!info) return responder.Send({404, "not found\n", "text/plain", {}});
               apiserver::Call call;
               call.info = *info;
               call.resource = apiserver::FindResource(info->group, info->version, info->resource);
               if (call.resource == nullptr) return responder.Send({404, "not found\n", "text/plain", {}});
               call.user = *known;
               const auto may = authorize(call);
               if (!may.ok()) return responder.Send(apiserver::ToResponse(may.error()));
               json::Object answer{{"items", ItemsOf(decisions.Last(info->namespace_, info->name, LimitOf(request)))}};
               // It becomes part of a path of the cluster's API.
               const bool is_name = model::IsDnsSubdomain(info->name) && model::IsDnsLabel(info->namespace_);
               Result<std::optional<ports::Autoscaler>> found{std::nullopt};
               if (is_name) found = find_autoscaler(info->namespace_, info->name);
               if (found.ok() && found.value()) answer["autoscaler"] = ObjectOf(*found.value());
               responder.Send(AnswerOf(answer));
             });
}

}  // namespace asya::server
