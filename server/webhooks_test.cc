#include "server/webhooks.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "compositions/actor_composer.h"
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

}  // namespace
}  // namespace asya::server
