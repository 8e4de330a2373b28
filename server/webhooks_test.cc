#include "server/webhooks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "compositions/actor_composer.h"
#include "core/http/client.h"
#include "core/http/server.h"
#include "core/json/parse.h"
#include "storage/memory/object_store.h"

namespace asya::server {
namespace {

class KeptResponse final : public http::Responder::Sink {
 public:
  explicit KeptResponse(std::promise<http::Response>& place) : place_(place) {}
  void Send(http::Response response) override { place_.set_value(std::move(response)); }
  std::shared_ptr<http::Stream> StartStream(http::Response /*head*/) override { return nullptr; }

 private:
  std::promise<http::Response>& place_;
};

constexpr const char* kPodReview =
    R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE",)"
    R"("namespace":"n","resource":{"group":"","version":"v1","resource":"pods"},"object":{"metadata":{"labels":)"
    R"({"asya.sh/inject":"true","asya.sh/actor":"llm"}},"spec":{"containers":[{"name":"vllm"}]}}}})";

class WebhooksTest : public testing::Test {
 protected:
  void Store(const char* resource, const std::string& namespace_, const std::string& name, const std::string& spec) {
    ports::Record record;
    record.key = {resource, namespace_, name};
    record.uid = name;
    record.json =
        std::make_shared<const std::string>(R"({"apiVersion":"asya.sh/v1alpha1","kind":"K","metadata":{"name":")" +
                                            name + R"(","namespace":")" + namespace_ + R"("},"spec":)" + spec + "}");
    ASSERT_TRUE(store_.Create(std::move(record), {}).ok());
  }
  http::Response Send(const std::string& path) {
    http::Request request;
    request.method = "POST";
    request.path = path;
    request.headers.Set("Content-Type", "application/json");
    request.body = kPodReview;
    std::promise<http::Response> place;
    handler_(std::move(request), http::Responder(std::make_unique<KeptResponse>(place)));
    return place.get_future().get();
  }
  // Until what was written has been told: the test's own limit of time ends one that never is.
  http::Response SendUntil(const std::string& part) {
    for (;;) {
      http::Response response = Send(webhooks::kInjectPath);
      if (response.body.find(part) != std::string::npos) return response;
      std::this_thread::yield();
    }
  }

  storage::memory::ObjectStore store_{RealClock()};
  observe::Metrics metrics_;
  const compositions::ActorComposer composer_{compositions::Settings()};
  Webhooks webhooks_{composer_, {store_, RealClock(), observe::Logger::Silent(), metrics_}};
  http::Handler handler_ = webhooks_.Before([](http::Request, http::Responder responder) {
    responder.Send({418, "next", "text/plain", {}});
  });
};

TEST_F(WebhooksTest, AnswersOutOfWhatTheStoreHasToldIt) {
  store_.Start();
  EXPECT_EQ(Send("/apis").status, 418);
  EXPECT_NE(Send(webhooks::kInjectPath).body.find("have not been read yet"), std::string::npos);
  EXPECT_FALSE(webhooks_.Ready().ok());
  Store("transports", "", "r", R"({"type":"rabbitmq","default":true,"rabbitmq":{"host":"h","port":1}})");
  webhooks_.Start();
  SendUntil("there is no AsyncActor");
  Store("asyncactors", "n", "llm",
        R"({"endpoint":{"url":"http://localhost:1/v1","protocol":"openai"},)"
        R"("workloadRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"d"}})");
  SendUntil("JSONPatch");
  ASSERT_TRUE(store_.Delete({"asyncactors", "n", "llm"}, {}, {}).ok());
  SendUntil("there is no AsyncActor");
  webhooks_.Stop();
  EXPECT_NE(Send(webhooks::kInjectPath).body.find("there is no AsyncActor"), std::string::npos);
}

// On a port of its own, over TLS, as kube-apiserver sees it.
class WebhookPortTest : public WebhooksTest {
 protected:
  void SetUp() override {
    store_.Start();
    Store("transports", "", "r", R"({"type":"rabbitmq","default":true,"rabbitmq":{"host":"h","port":1}})");
    Store("asyncactors", "n", "llm",
          R"({"endpoint":{"url":"http://localhost:1/v1","protocol":"openai"},)"
          R"("workloadRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"d"}})");
    ASSERT_TRUE(webhooks_.Listen({"127.0.0.1", 0}, identity_).ok());
    webhooks_.Start();
    SendUntil("JSONPatch");
  }
  http::ClientRequest Review(std::string body = kPodReview) const {
    http::ClientRequest request;
    request.method = "POST";
    request.url = "https://" + webhooks_.address() + webhooks::kInjectPath;
    request.ca_pem = identity_.certificate_pem;
    request.headers.Set("Content-Type", "application/json");
    request.body = std::move(body);
    return request;
  }
  // As KEY of the Status that was answered; empty where it was none.
  std::string Answered(const http::ClientRequest& request, int status, const char* key) {
    const auto response = client_.Call(request);
    EXPECT_TRUE(response.ok() && response->status == status) << (response.ok() ? response->body : "no answer");
    const auto parsed = json::Parse(response.ok() ? response->body : "");
    return parsed.ok() ? parsed->GetString(key).value_or("") : "";
  }

  const http::TlsIdentity identity_ = *http::MakeSelfSigned("asya", 1);
  http::Client client_;
};

TEST_F(WebhookPortTest, AnswersThereWithTheCertificateInUse) {
  EXPECT_NE(client_.Call(Review())->body.find("JSONPatch"), std::string::npos);
  http::ClientRequest other = Review();
  other.url = "https://" + webhooks_.address() + "/apis";
  EXPECT_EQ(Answered(other, 404, "reason"), "NotFound") << "nothing but reviews is answered there";
  const http::TlsIdentity next = *http::MakeSelfSigned("next", 1);
  ASSERT_TRUE(webhooks_.ReplaceTls(next).ok());
  http::Client fresh;
  http::ClientRequest review = Review();
  EXPECT_FALSE(fresh.Call(review).ok());
  review.ca_pem = next.certificate_pem;
  EXPECT_NE(fresh.Call(review)->body.find("JSONPatch"), std::string::npos);
  webhooks_.Stop();
  EXPECT_FALSE(fresh.Call(review).ok());
}

TEST_F(WebhookPortTest, RefusesWhatIsMalformedOrHugeAndGoesOn) {
  EXPECT_EQ(Answered(Review("{"), 400, "reason"), "BadRequest");
  EXPECT_EQ(Answered(Review(""), 400, "reason"), "BadRequest");
  EXPECT_EQ(Answered(Review("\xff\xfe"), 400, "reason"), "BadRequest");
  EXPECT_EQ(Answered(Review(std::string(100'000, '[')), 400, "reason"), "BadRequest");
  http::ClientRequest text = Review();
  text.headers.Set("Content-Type", "text/plain");
  EXPECT_EQ(Answered(text, 415, "reason"), "UnsupportedMediaType");
  EXPECT_EQ(Answered(Review(std::string(webhooks::kReviewBytesMax + 1, ' ')), 413, "message"),
            "the review has 4194305 bytes; at most 4194304 are accepted");
  // More is not even read.
  const auto huge = http::Client().Call(Review(std::string(8 * webhooks::kReviewBytesMax, ' ')));
  EXPECT_TRUE(!huge.ok() || huge->status == 413);
  EXPECT_NE(client_.Call(Review())->body.find("JSONPatch"), std::string::npos);
}

// Prints; how long anything takes is nothing to fail about here.
TEST_F(WebhookPortTest, TellsHowLongReviewsTakeWhileTheApiIsBusy) {
  static constexpr std::chrono::milliseconds kWork{2};  // on the API's I/O thread: a handshake, or a large body
  constexpr int kClients = 8;
  constexpr int kReviews = 200;
  http::Listen listen;
  listen.tcp = {"127.0.0.1", 0};
  listen.tls = identity_;
  auto api = http::Server::Create(std::move(listen), {}, webhooks_.Before([](http::Request, http::Responder responder) {
               const SteadyTime until = RealClock().Steady() + kWork;
               while (RealClock().Steady() < until) {
               }
               responder.Send({200, "{}", "application/json", {}});
             }),
                                  observe::Logger::Silent(), nullptr)
                 .value();
  api->Start();
  std::atomic<bool> over = false;
  std::vector<std::thread> load;
  for (int i = 0; i < kClients; ++i) {
    load.emplace_back([&] {
      http::Client client;
      http::ClientRequest request = Review();
      request.url = "https://" + api->address() + "/apis";
      while (!over) EXPECT_TRUE(client.Call(request).ok());
    });
  }
  const auto measure = [this](const char* what, const std::string& address) {
    http::ClientRequest request = Review();
    request.url = "https://" + address + webhooks::kInjectPath;
    std::vector<double> took_ms;
    for (int i = 0; i < kReviews; ++i) {
      const SteadyTime begin = RealClock().Steady();
      const auto response = client_.Call(request);
      took_ms.push_back(std::chrono::duration<double, std::milli>(RealClock().Steady() - begin).count());
      EXPECT_TRUE(response.ok() && response->status == 200);
    }
    std::ranges::sort(took_ms);
    std::printf("reviews on %s: p50 %.1f ms, p99 %.1f ms, of %d\n", what, took_ms[kReviews / 2],
                took_ms[kReviews * 99 / 100], kReviews);
  };
  measure("the API's port", api->address());
  measure("their own port", webhooks_.address());
  over = true;
  for (std::thread& thread : load) thread.join();
  api->Stop(std::chrono::milliseconds(0));
}

}  // namespace
}  // namespace asya::server
