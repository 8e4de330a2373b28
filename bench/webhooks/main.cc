// How long a review of a pod takes: bench_webhooks [REVIEWS]. The pod is of the size of one that KServe renders, as
// kube-apiserver sends it, among 1,000 actors. Prints the 50th and 99th percentile and the longest, in microseconds of
// the clock and of the processor: the first is that of a machine that has nothing else to do.
#include <time.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "compositions/actor_composer.h"
#include "core/json/parse.h"
#include "webhooks/admission.h"
#include "webhooks/bindings.h"

namespace asya::bench {
namespace {

constexpr int kActors = 1'000;
constexpr int kReviewsDefault = 20'000;
constexpr std::size_t kRuntimeBytes = 256U << 10U;  // of the archive, in base64
constexpr int kVariables = 40;                      // of each of the pod's containers

ports::Record RecordOf(const std::string& resource, const std::string& namespace_, const std::string& name,
                       const std::string& spec) {
  ports::Record record;
  record.key = {resource, namespace_, name};
  record.json =
      std::make_shared<const std::string>(R"({"apiVersion":"asya.sh/v1alpha1","kind":"K","metadata":{"name":")" + name +
                                          R"(","namespace":")" + namespace_ + R"("},"spec":)" + spec + "}");
  return record;
}

ports::Record ActorOf(int number) {
  return RecordOf(webhooks::kActors, "vision", "llm-" + std::to_string(number),
                  R"({"endpoint":{"url":"http://localhost:8000/v1","protocol":"openai"},"concurrency":8,)"
                  R"("workloadRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"vllm"}})");
}

json::Value ContainerOf(const std::string& name) {
  json::Array environment;
  for (int i = 0; i < kVariables; ++i) {
    environment.push_back(json::Object{{"name", "VARIABLE_" + std::to_string(i)}, {"value", std::string(60, 'v')}});
  }
  return json::Object{{"name", name}, {"image", "registry/" + name + ":1"}, {"env", std::move(environment)}};
}

std::string ReviewBody() {
  const json::Object labels{{"asya.sh/inject", "true"}, {"asya.sh/actor", "llm-500"}};
  const json::Object pod{
      {"metadata", json::Object{{"generateName", "vllm-"}, {"labels", labels}}},
      {"spec", json::Object{{"containers", json::Array{ContainerOf("kserve-container"), ContainerOf("queue-proxy")}},
                            {"initContainers", json::Array{ContainerOf("storage-initializer")}},
                            {"volumes", json::Array{json::Object{{"name", "models"}, {"emptyDir", json::Object()}}}}}}};
  const json::Object resource{{"group", ""}, {"version", "v1"}, {"resource", "pods"}};
  return json::Dump(json::Object{{"apiVersion", "admission.k8s.io/v1"},
                                 {"kind", "AdmissionReview"},
                                 {"request", json::Object{{"uid", "0b4bfc4b"},
                                                          {"operation", "CREATE"},
                                                          {"namespace", "vision"},
                                                          {"resource", resource},
                                                          {"object", pod}}}});
}

double ProcessorMicros() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

void Print(const char* what, std::vector<double> micros) {
  std::sort(micros.begin(), micros.end());
  const auto at = [&micros](std::size_t percent) { return micros[(micros.size() - 1) * percent / 100]; };
  std::printf("%-34s %8zu reviews   p50 %7.0f us   p99 %7.0f us   max %7.0f us\n", what, micros.size(), at(50), at(99),
              micros.back());
}

// `changing`: before each review the actor's status was written, so that it is rendered anew.
bool Measure(const char* what, int reviews, bool changing) {
  compositions::Settings settings;
  settings.runtime_base64 = std::string(kRuntimeBytes, 'A');
  const compositions::ActorComposer composer{settings};
  webhooks::Bindings bindings(composer);
  ports::Records actors;
  for (int i = 0; i < kActors; ++i) actors.push_back(ActorOf(i));
  bindings.Replace(webhooks::kActors, actors);
  bindings.Replace(webhooks::kFlavors, {});
  ports::Records transports;
  transports.push_back(RecordOf(webhooks::kTransports, "", "r",
                                R"({"type":"rabbitmq","default":true,"rabbitmq":{"host":"h","port":5672}})"));
  bindings.Replace(webhooks::kTransports, transports);
  observe::Metrics metrics;
  const webhooks::Admission admission({[&bindings](const std::string& namespace_, const std::string& actor) {
                                         return bindings.Find(namespace_, actor);
                                       },
                                       RealClock(), observe::Logger::Silent(), metrics});
  http::Request request;
  request.method = "POST";
  request.path = webhooks::kInjectPath;
  request.headers.Set("Content-Type", "application/json");
  request.body = ReviewBody();
  std::vector<double> micros;
  std::vector<double> processor;
  for (int i = 0; i < reviews; ++i) {
    if (changing) bindings.Put(ActorOf(500));
    const double processor_begin = ProcessorMicros();
    const auto begin = std::chrono::steady_clock::now();
    const http::Response response = admission.Answer(request);
    micros.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
    processor.push_back(ProcessorMicros() - processor_begin);
    if (response.body.find("JSONPatch") == std::string::npos) {
      std::fprintf(stderr, "not injected: %s\n", response.body.c_str());
      return false;
    }
  }
  Print(what, std::move(micros));
  Print("  of the processor", std::move(processor));
  return true;
}

}  // namespace
}  // namespace asya::bench

int main(int argc, char** argv) {
  int reviews = asya::bench::kReviewsDefault;
  const std::string_view asked = argc > 1 ? argv[1] : "";
  if (!asked.empty() && std::from_chars(asked.data(), asked.data() + asked.size(), reviews).ec != std::errc()) {
    std::fprintf(stderr, "usage: bench_webhooks [REVIEWS]\n");
    return 2;
  }
  return asya::bench::Measure("of an actor that is as it was", reviews, false) &&
                 asya::bench::Measure("of one that has just changed", reviews, true)
             ? 0
             : 1;
}
