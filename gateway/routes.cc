#include <memory>
#include <optional>
#include <utility>

#include "gateway/create_task.h"
#include "gateway/dead_letters.h"
#include "gateway/gateway.h"
#include "gateway/problem.h"
#include "gateway/read_task.h"
#include "gateway/stream_events.h"
#include "gateway/take_reports.h"

namespace asya::gateway {
namespace {

// As long as the canceled task itself is kept: until then its envelope may still come out of a queue, and the relay
// that takes it may be a new one.
constexpr std::chrono::hours kCancelFeedHistory{7 * 24};

// Runs a blocking handler on the executor; a full executor answers 429.
http::Handler OnExecutor(const Deps& deps, std::function<void(http::Request, http::Responder)> handler) {
  return [&deps, handler = std::move(handler)](http::Request request, http::Responder responder) {
    // std::function must be copyable, and the responder is not.
    auto exchange =
        std::make_shared<std::pair<http::Request, http::Responder>>(std::move(request), std::move(responder));
    if (!deps.executor.Submit(
            [exchange, handler] { handler(std::move(exchange->first), std::move(exchange->second)); })) {
      exchange->second.Send(Problem(Fail(ErrorCode::kTooMany, "too many requests are waiting; try again")));
    }
  };
}

http::Handler Blocking(const Deps& deps, std::function<http::Response(const http::Request&)> handler) {
  return OnExecutor(deps, [handler = std::move(handler)](http::Request request, http::Responder responder) {
    responder.Send(handler(request));
  });
}

void FollowCancellations(const http::Request& request, const Deps& deps, http::Responder responder) {
  const std::optional<std::string> namespace_ =
      deps.speaks_for ? std::optional(deps.speaks_for(request)) : std::nullopt;
  http::Response head{200, "", "text/event-stream", {}};
  deps.cancels.Add(responder.StartStream(std::move(head)), namespace_, [&deps, &namespace_] {
    return deps.tasks.CanceledSince(deps.clock.Now() - kCancelFeedHistory, namespace_);
  });
}

}  // namespace

void AddExternalRoutes(http::Router& router, const Deps& deps, const Limits& limits) {
  for (const std::string base : {"/api/v1/tasks", "/api/v1/mesh"}) {
    router.Add("POST", base, OnExecutor(deps, [&deps, limits](const http::Request& request, http::Responder responder) {
                 CreateTask(request, std::move(responder), deps, limits);
               }));
    router.Add("GET", base, Blocking(deps, [&deps](const auto& r) { return ListTasks(r, deps); }));
    router.Add("GET", base + "/{id}", [&deps, read = Blocking(deps, [&deps](const auto& r) {
                                                return ReadTask(r, deps);
                                              })](http::Request request, http::Responder responder) {
      if (request.Query("wait")) return WaitForTask(request, std::move(responder), deps);
      read(std::move(request), std::move(responder));
    });
    router.Add("DELETE", base + "/{id}", Blocking(deps, [&deps](const auto& r) { return CancelTask(r, deps); }));
    router.Add("GET", base + "/{id}/events",
               OnExecutor(deps, [&deps](http::Request request, http::Responder responder) {
                 StreamEvents(std::move(request), std::move(responder), deps);
               }));
  }
  const std::string letters = "/api/v1/dead-letters";
  router.Add("GET", letters, Blocking(deps, [&deps](const auto& r) { return ListDeadLetters(r, deps); }));
  router.Add("GET", letters + "/{id}", Blocking(deps, [&deps](const auto& r) { return ReadDeadLetter(r, deps); }));
  router.Add("POST", letters + "/{id}/replay",
             Blocking(deps, [&deps, limits](const auto& r) { return ReplayDeadLetter(r, deps, limits); }));
}

void AddInternalRoutes(http::Router& router, const Deps& deps, const Limits& limits) {
  router.Add("POST", "/api/v1/events",
             OnExecutor(deps, [&deps, limits](const http::Request& request, http::Responder responder) {
               TakeReports(request, "", std::move(responder), deps, limits);
             }));
  for (const std::string base : {"/api/v1/tasks", "/api/v1/mesh"}) {
    router.Add("POST", base + "/{id}/events",
               OnExecutor(deps, [&deps, limits](const http::Request& request, http::Responder responder) {
                 TakeReports(request, request.parameters.find("id")->second, std::move(responder), deps, limits);
               }));
  }
  router.Add("GET", "/api/v1/cancellations",
             OnExecutor(deps, [&deps](const http::Request& request, http::Responder responder) {
               FollowCancellations(request, deps, std::move(responder));
             }));
}

}  // namespace asya::gateway
