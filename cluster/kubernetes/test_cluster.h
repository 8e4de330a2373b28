// TestCluster: an HTTP server that answers as a test says, and a client of it. For tests of cluster/kubernetes only.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/kubernetes/client.h"
#include "core/http/test_server.h"
#include "core/json/parse.h"

namespace asya::cluster::kubernetes {

class TestCluster {
 public:
  using Answer = std::function<http::Response(const http::Request&)>;
  explicit TestCluster(Answer answer)
      : answer_(std::move(answer)),
        running_(http::StartTcp([this](const http::Request& request, http::Responder responder) {
          {
            const std::lock_guard lock(mutex_);
            requests_.push_back(request);
          }
          responder.Send(answer_(request));
        })) {}
  TestCluster(const TestCluster&) = delete;
  TestCluster& operator=(const TestCluster&) = delete;

  [[nodiscard]] Endpoint At() const {
    Endpoint endpoint;
    endpoint.url = running_.url;
    return endpoint;
  }
  [[nodiscard]] std::vector<http::Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // No longer there.
  void Leave() { running_.server->Stop(std::chrono::milliseconds(0)); }

  // Decoded: "a=1&b=2".
  static std::string QueryOf(const http::Request& request) {
    std::string text;
    for (const auto& [name, value] : request.query) text += (text.empty() ? "" : "&") + name + "=" + value;
    return text;
  }
  static http::Response Json(int status, const std::string& body) {
    http::Response response;
    response.status = status;
    response.body = body;
    return response;
  }
  static http::Response Refusal(int status, const std::string& reason) {
    return Json(status, json::Dump(json::Object{{"kind", "Status"}, {"reason", reason}, {"message", "because"}}));
  }

 private:
  Answer answer_;
  mutable std::mutex mutex_;
  std::vector<http::Request> requests_;
  http::Running running_;
};

constexpr std::chrono::seconds kPatience{20};  // a bound for waits that end by an event

// Waits until `holds`, and gives what it is at the end.
inline bool Becomes(const std::function<bool()>& holds) {
  const SteadyTime until = RealClock().Steady() + kPatience;
  while (!holds() && RealClock().Steady() < until) std::this_thread::yield();
  return holds();
}

}  // namespace asya::cluster::kubernetes
