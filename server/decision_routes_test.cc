#include "server/decision_routes.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "apiserver/call.h"

namespace asya::server {
namespace {

class OneDecision final : public ports::DecisionLog {
 public:
  [[nodiscard]] std::vector<ports::Decision> Last(const std::string& namespace_, const std::string& actor,
                                                  std::int64_t /*limit*/) const override {
    ports::Decision decision;
    decision.namespace_ = namespace_;
    decision.actor = actor;
    decision.reason = "work waits";
    decision.inputs_json = "{}";
    return {decision};
  }
};

class Sink final : public http::Responder::Sink {
 public:
  explicit Sink(http::Response& place) : place_(place) {}
  void Send(http::Response response) override { place_ = std::move(response); }
  std::shared_ptr<http::Stream> StartStream(http::Response /*head*/) override { return nullptr; }

 private:
  http::Response& place_;
};

http::Response Ask(http::Router& router, const std::string& actor = "ocr") {
  http::Request request;
  request.method = "GET";
  request.path = "/apis/asya.sh/v1alpha1/namespaces/vision/asyncactors/" + actor + "/decisions";
  http::Response response;
  router.Handle(std::move(request), http::Responder(std::make_unique<Sink>(response)));
  return response;
}

Result<std::optional<ports::Autoscaler>> NoAutoscaler(const std::string& /*namespace_*/, const std::string& /*actor*/) {
  return {std::nullopt};
}

TEST(DecisionRoutes, TellThoseWhoMayReadTheActor) {
  const OneDecision log;
  http::Router router;
  std::string asked;
  AddDecisionRoutes(
      router, log, NoAutoscaler,
      [](const http::Request&) {
        return apiserver::Identity(apiserver::User{"ann", {}});
      },
      [&asked](const apiserver::Call& call) -> apiserver::Outcome<apiserver::Done> {
        asked = call.resource->group + " " + call.resource->kind.plural + "/" + call.info.subresource + " " +
                call.info.namespace_ + "/" + call.info.name;
        return apiserver::Done();
      });
  const http::Response response = Ask(router);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_NE(response.body.find("work waits"), std::string::npos) << response.body;
  EXPECT_EQ(response.body.find("autoscaler"), std::string::npos) << response.body;
  EXPECT_EQ(asked, "asya.sh asyncactors/decisions vision/ocr");
}

TEST(DecisionRoutes, TellWhatTheAutoscalerSaysWhereItCouldBeAsked) {
  const OneDecision log;
  const auto known = [](const http::Request&) { return apiserver::Identity(apiserver::User{"ann", {}}); };
  const auto may = [](const apiserver::Call&) -> apiserver::Outcome<apiserver::Done> { return apiserver::Done(); };
  http::Router router;
  AddDecisionRoutes(
      router, log,
      [](const std::string& namespace_, const std::string& actor) -> Result<std::optional<ports::Autoscaler>> {
        return {
            ports::Autoscaler{"hpa-of-" + namespace_ + "-" + actor, false, 1, 3, "FailedGetExternalMetric", "none"}};
      },
      known, may);
  EXPECT_NE(Ask(router).body.find(R"("autoscaler":{"desired":3,"message":"none","name":"hpa-of-vision-ocr",)"
                                  R"("reason":"FailedGetExternalMetric","replicas":1,"works":false})"),
            std::string::npos)
      << Ask(router).body;
  EXPECT_EQ(Ask(router, "a%2F..%2F..%2Fb").body.find("hpa-of"), std::string::npos) << "it would choose the path";
  http::Router silent;
  AddDecisionRoutes(
      silent, log,
      [](const std::string&, const std::string&) -> Result<std::optional<ports::Autoscaler>> {
        return Fail(ErrorCode::kTimeout, "no answer");
      },
      known, may);
  EXPECT_EQ(Ask(silent).status, 200);
  EXPECT_NE(Ask(silent).body.find("work waits"), std::string::npos);
}

}  // namespace
}  // namespace asya::server
