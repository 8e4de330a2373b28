#include "server/delegation.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "apiserver/status_error.h"
#include "cluster/kubernetes/test_cluster.h"

namespace asya::server {
namespace {

using cluster::kubernetes::TestCluster;

constexpr const char* kFlows = "/apis/asya.sh/v1alpha1/flows";

// A cluster that says whom to believe, or does not answer at all.
class DelegationTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    if (away_) return TestCluster::Refusal(503, "ServiceUnavailable");
    if (request.method == "GET") return TestCluster::Json(200, R"({"data":{"client-ca-file":"USERS"}})");
    asked_.set_value();
    answered_.wait();
    return TestCluster::Json(201, R"({"status":{"authenticated":false}})");
  }
  // What a request is answered, once it is; by who is known or nobody behind the dispatch.
  std::future<http::Response> Ask(const std::string& path, const std::string& token = "") {
    class Sink final : public http::Responder::Sink {
     public:
      explicit Sink(std::shared_ptr<std::promise<http::Response>> answer) : answer_(std::move(answer)) {}
      void Send(http::Response response) override { answer_->set_value(std::move(response)); }
      std::shared_ptr<http::Stream> StartStream(http::Response) override { return nullptr; }

     private:
      std::shared_ptr<std::promise<http::Response>> answer_;
    };
    http::Request request;
    request.method = "GET";
    request.path = path;
    if (!token.empty()) request.headers.Set("Authorization", "Bearer " + token);
    const auto answer = std::make_shared<std::promise<http::Response>>();
    handler_(request, http::Responder(std::make_unique<Sink>(answer)));
    return answer->get_future();
  }
  void Start() {
    delegation_.Start([](const http::ClientAuthorities&) { return Ok(); });
  }
  void AwaitReady() {
    while (!delegation_.Ready().ok()) std::this_thread::yield();
  }

  std::atomic<bool> away_ = false;
  std::promise<void> asked_;
  std::promise<void> answer_now_;
  std::shared_future<void> answered_ = answer_now_.get_future().share();
  observe::Metrics metrics_;
  FakeClock clock_;
  TestCluster cluster_{[this](const http::Request& request) { return Answer(request); }};
  Delegation delegation_{cluster_.At(), Delegation::Parts{clock_, observe::Logger::Silent(), metrics_}};
  apiserver::Authenticator authenticate_ = delegation_.MakeAuthenticator();
  http::Handler handler_ = delegation_.Dispatch([this](const http::Request& request, http::Responder responder) {
    const apiserver::Identity user = authenticate_(request);
    if (user.failure()) return responder.Send(apiserver::ToResponse(*user.failure()));
    responder.Send(http::Response{user ? 200 : 401, "", "text/plain", {}});
  });
};

TEST_F(DelegationTest, TellsNobodyThatTheyAreNobodyBeforeTheClusterHasSpoken) {
  away_ = true;
  Start();
  for (const char* path : {kFlows, "/apis/asya.sh/v1alpha1", "/metrics"}) {
    const http::Response answer = Ask(path).get();
    EXPECT_EQ(answer.status, 503) << path;
    EXPECT_EQ(answer.headers.Get("Retry-After"), "1");
  }
  EXPECT_EQ(Ask("/livez").get().status, 401) << "that is for the handler to answer";
}

TEST_F(DelegationTest, AnswersOnceTheClusterHasSpoken) {
  Start();
  AwaitReady();
  EXPECT_EQ(Ask(kFlows).get().status, 401);
}

TEST_F(DelegationTest, BeginsNothingThatHasWaitedTooLong) {
  Start();
  AwaitReady();
  std::promise<void> go_on;
  const std::shared_future<void> gone_on = go_on.get_future().share();
  std::atomic<std::size_t> begun = 0;
  handler_ = delegation_.Dispatch([gone_on, &begun](const http::Request&, http::Responder responder) {
    ++begun;
    gone_on.wait();
    responder.Send(http::Response{200, "", "text/plain", {}});
  });
  std::vector<std::future<http::Response>> answers;
  for (std::size_t i = 0; i < Delegation::kThreads; ++i) answers.push_back(Ask(kFlows));
  // Taken is not begun: between the two each looks at the clock, which is not to be moved on before that.
  while (begun < Delegation::kThreads) std::this_thread::yield();
  auto late = Ask(kFlows);
  EXPECT_EQ(delegation_.Waiting(), 1U);
  clock_.Advance(Delegation::kWaitMax + std::chrono::seconds(1));
  go_on.set_value();
  EXPECT_EQ(late.get().status, 503);
  for (auto& answer : answers) EXPECT_EQ(answer.get().status, 200);
}

TEST_F(DelegationTest, StopsWhileTheClusterDoesNotAnswer) {
  Start();
  AwaitReady();
  auto waiting = Ask(kFlows, "t0ken");
  asked_.get_future().wait();
  delegation_.Stop();
  EXPECT_EQ(waiting.get().status, 503);
  EXPECT_EQ(delegation_.client().Get("/api").error().code, ErrorCode::kClosed);
  answer_now_.set_value();
}

}  // namespace
}  // namespace asya::server
