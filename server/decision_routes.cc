#include "server/decision_routes.h"

#include <algorithm>
#include <utility>

#include "core/json/parse.h"

namespace asya::server {
namespace {

constexpr std::int64_t kDefaultLimit = 10;

std::int64_t LimitOf(const http::Request& request) {
  const std::string text = request.Query("limit").value_or("");
  const bool digits = !text.empty() && text.size() < 4 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? std::stoll(text) : kDefaultLimit;
}

}  // namespace

void AddDecisionRoutes(http::Router& router, const ports::DecisionLog& decisions) {
  router.Add("GET", "/api/v1/decisions", [&decisions](http::Request request, http::Responder responder) {
    json::Array items;
    for (const ports::Decision& decision : decisions.Last(request.Query("namespace").value_or("default"),
                                                          request.Query("actor").value_or(""), LimitOf(request))) {
      auto inputs = json::Parse(decision.inputs_json);
      items.push_back(json::Object{{"namespace", decision.namespace_},
                                   {"actor", decision.actor},
                                   {"at", FormatRfc3339(decision.at, true)},
                                   {"from", decision.from_replicas},
                                   {"to", decision.to_replicas},
                                   {"reason", decision.reason},
                                   {"inputs", inputs.ok() ? std::move(inputs).value() : json::Value()}});
    }
    responder.Send({200, json::Dump(json::Object{{"items", std::move(items)}}), "application/json", {}});
  });
}

}  // namespace asya::server
