#include "apiserver/api_server.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "apiserver/body.h"
#include "apiserver/documents.h"
#include "apiserver/health_desk.h"
#include "apiserver/impersonate.h"
#include "apiserver/namespaces.h"
#include "apiserver/one_default.h"
#include "apiserver/postponed.h"
#include "apiserver/reviews.h"
#include "apiserver/revision.h"
#include "apiserver/verbs.h"
#include "apiserver/watch_encoder.h"
#include "apiserver/watch_schedule.h"
#include "core/base/executor.h"
#include "core/base/utf8.h"

namespace asya::apiserver {
namespace {

using Verb = Outcome<http::Response> (*)(const Context&, Call&);

struct Verbs {
  Verb get;
  Verb update;
  Verb patch;
};

Verb OneOf(const std::string& verb, const Verbs& verbs) {
  if (verb == "get") return verbs.get;
  if (verb == "update") return verbs.update;
  return verb == "patch" ? verbs.patch : nullptr;
}

constexpr Verbs kOnObjects{GetObject, UpdateObject, PatchObject};
constexpr Verbs kOnScale{GetScale, UpdateScale, PatchScale};

Verb OnCollection(const std::string& verb) {
  if (verb == "list") return ListObjects;
  if (verb == "create") return CreateObject;
  return verb == "deletecollection" ? DeleteCollection : nullptr;
}

// What an object path and verb does; nullptr where it does nothing.
Verb FindVerb(const Call& call) {
  const std::string& verb = call.info.verb;
  const std::string& part = call.info.subresource;
  if (part == kHistoryPart) return verb == "get" ? GetHistory : nullptr;
  if (part == kDiffPart) return verb == "get" ? GetDiff : nullptr;
  if (part == kRestorePart) return verb == "create" ? RestoreObject : nullptr;
  if (part == "scale") return call.resource->kind.has_scale ? OneOf(verb, kOnScale) : nullptr;
  if (part == "status") return call.resource->kind.has_status ? OneOf(verb, kOnObjects) : nullptr;
  if (!part.empty() || !call.resource->Allows(verb)) return nullptr;
  if (call.info.name.empty()) return OnCollection(verb);
  return verb == "delete" ? DeleteObject : OneOf(verb, kOnObjects);
}

bool KnownPart(const Call& call) {
  const std::string& part = call.info.subresource;
  if (part.empty()) return true;
  if (call.resource == &Plans()) return false;
  if (part == kHistoryPart || part == kDiffPart || part == kRestorePart) return call.resource->has_history();
  return (part == "status" && call.resource->kind.has_status) || (part == "scale" && call.resource->kind.has_scale);
}

// A namespaced kind is written in a namespace; a cluster-scoped one never has one.
Outcome<Done> CheckScope(const Call& call) {
  const bool in_namespace = !call.info.namespace_.empty();
  if (!call.resource->kind.namespaced) {
    if (in_namespace) return PathNotFound();
    return Done{};
  }
  const bool reads_all = call.info.verb == "list" || call.info.verb == "watch";
  if (in_namespace) return Done{};
  if (!call.info.name.empty()) return PathNotFound();
  if (!reads_all) return MethodNotAllowed(call.info.verb + " needs a namespace");
  return Done{};
}

bool Reads(const Call& call) { return call.info.verb == "get" || call.info.verb == "list"; }

// Names are stored and shown; a certificate may have bytes in their place.
bool HasTextNames(const User& user) {
  return IsUtf8(user.name) && IsUtf8(user.uid) && std::all_of(user.groups.begin(), user.groups.end(), IsUtf8);
}

std::optional<observe::Gauge> WaitingGauge(observe::Metrics* metrics) {
  if (metrics == nullptr) return std::nullopt;
  return metrics->MakeGauge("asya_apiserver_revision_waits", "Requests that wait for a revision still ahead.");
}

// What no server may leave out.
ApiServer::Parts WithOwnRules(ApiServer::Parts parts) {
  parts.admission.push_back(OneDefaultTransport(parts.store));
  return parts;
}

}  // namespace

class ApiServer::Implementation {
 public:
  Implementation(Parts parts, ApiServerSettings settings)
      : parts_(WithOwnRules(std::move(parts))),
        settings_(std::move(settings)),
        context_{parts_.store,     parts_.clock,      parts_.random,    parts_.logger,
                 parts_.admission, parts_.parse_yaml, parts_.authorize, parts_.namespace_state},
        discovery_(settings_.own_group_alone),
        openapi_(settings_.own_group_alone),
        health_(
            HealthChecks(), settings_.health_tells_why,
            [this](std::function<void()> work) { return executor_.Submit(std::move(work)); },
            [this](http::Responder responder) { RefuseBusy(std::move(responder)); }),
        executor_(settings_.threads, settings_.waiting_limit),
        postponed_(parts_.clock, settings_.revision_waits_max, WaitingGauge(parts_.metrics)),
        schedule_(parts_.clock) {
    if (parts_.metrics != nullptr) {
      refused_.emplace(parts_.metrics->MakeCounter("asya_apiserver_refused_total", "Requests refused as too many."));
    }
  }

  asya::Status Start() {
    if (!parts_.namespace_state) {
      const auto ready = EnsureDefaultNamespace(context_);
      if (!ready.ok()) return asya::Fail(ErrorCode::kUnavailable, ready.error().message);
    }
    executor_.Start();
    postponed_.Start();
    schedule_.Start();
    return Ok();
  }

  void Stop() {
    schedule_.Stop();
    postponed_.Stop();
    executor_.Stop();
  }

  void Handle(http::Request request, http::Responder responder);

 private:
  Outcome<Call> MakeCall(http::Request request, User user) const;
  std::optional<Outcome<http::Response>> HandleDocument(const http::Request& request) const;
  [[nodiscard]] std::vector<HealthCheck> HealthChecks() const;
  void Watch(const Call& call, http::Responder responder);
  using Work = std::function<Outcome<http::Response>(const Context&, Call&)>;
  // Empty where the verb does nothing on this path.
  [[nodiscard]] Work WorkOf(const Call& call) const;
  // A request on its way through the executor, where it may come by several times.
  struct Job {
    Call call;
    Work work;
    http::Responder responder;
    SteadyTime revision_until;  // a revision that is ahead is waited for until then
  };
  void Run(const std::shared_ptr<Job>& job);
  [[nodiscard]] Outcome<http::Response> Try(Job& job) const;
  void Answer(const std::shared_ptr<Job>& job);
  void RefuseBusy(http::Responder responder);

  const Parts parts_;
  const ApiServerSettings settings_;
  const Context context_;
  const Discovery discovery_;
  const OpenApi openapi_;
  HealthDesk health_;  // outlives the executor
  Executor executor_;
  Postponed postponed_;
  WatchSchedule schedule_;
  std::optional<observe::Counter> refused_;
};

void ApiServer::Implementation::Handle(http::Request request, http::Responder responder) {
  // Clients made from the OpenAPI document of Kubernetes ask for /version/, /api/ and /apis/.
  if (request.path.size() > 1 && request.path.back() == '/') request.path.pop_back();
  if (IsHealthPath(request.path)) return health_.Answer(std::move(request), std::move(responder));
  if (request.path == "/version") return responder.Send(VersionResponse(settings_.version));
  const Identity user = parts_.authenticate ? parts_.authenticate(request) : Identity(User{"anonymous", {}});
  if (!user) return responder.Send(ToResponse(user.failure().value_or(Unauthorized())));
  auto acting = Impersonate(request, *user);
  if (!acting.ok()) return responder.Send(ToResponse(acting.error()));
  if (!HasTextNames(*acting)) return responder.Send(ToResponse(Unauthorized()));
  if (const auto text = CheckText(request); !text.ok()) return responder.Send(ToResponse(text.error()));
  if (request.body.size() > kBodyLimitBytes) {
    return responder.Send(ToResponse(TooLarge("the request body is larger than 3 MiB")));
  }
  if (const auto document = HandleDocument(request)) {
    return responder.Send(document->ok() ? document->value() : ToResponse(document->error()));
  }
  auto call = MakeCall(std::move(request), std::move(*acting));
  if (!call.ok()) return responder.Send(ToResponse(call.error()));
  if (call->info.verb == "watch") return Watch(*call, std::move(responder));
  Work work = WorkOf(*call);
  if (!work) return responder.Send(ToResponse(MethodNotAllowed(call->request.method)));
  const SteadyTime revision_until = parts_.clock.Steady() + settings_.watch.revision_wait;
  Run(std::make_shared<Job>(Job{std::move(*call), std::move(work), std::move(responder), revision_until}));
}

ApiServer::Implementation::Work ApiServer::Implementation::WorkOf(const Call& call) const {
  if (call.resource == &Plans()) {
    if (call.info.verb != "create" || !call.info.name.empty()) return nullptr;
    return [this](const Context& context, Call& plan) { return CreatePlan(context, parts_.find_planner, plan); };
  }
  if (!IsReview(*call.resource)) return FindVerb(call);
  if (call.info.verb != "create" || !call.info.name.empty()) return nullptr;
  return [this](const Context& context, Call& review) {
    return CreateReview(context, {parts_.authorize, parts_.rules_are_complete}, review);
  };
}

std::optional<Outcome<http::Response>> ApiServer::Implementation::HandleDocument(const http::Request& request) const {
  if (auto answer = openapi_.Handle(request)) return answer;
  const auto info = ParseRequestInfo(request.method, request.path, false);
  if (!info) return Outcome<http::Response>(PathNotFound());
  if (info->target == RequestInfo::Target::kObjects) return std::nullopt;
  if (info->verb != "get") return Outcome<http::Response>(MethodNotAllowed(request.method));
  const bool core = request.path.rfind("/apis", 0) != 0;
  auto answer = discovery_.Handle(request, info->group, info->version, core);
  return answer ? std::move(*answer) : Outcome<http::Response>(PathNotFound());
}

// The stages before a verb runs.
Outcome<Call> ApiServer::Implementation::MakeCall(http::Request request, User user) const {
  const std::string watch = request.Query("watch").value_or("false");
  auto info = ParseRequestInfo(request.method, request.path, watch != "false" && watch != "0");
  if (!info) return PathNotFound();
  Call call;
  call.resource = FindResource(info->group, info->version, info->resource);
  if (call.resource == nullptr) return PathNotFound();
  if (settings_.own_group_alone && call.resource->group != model::kGroup) return PathNotFound();
  call.info = std::move(*info);
  call.user = std::move(user);
  call.request = std::move(request);
  if (!KnownPart(call)) return PathNotFound();
  ASYA_TRY([[maybe_unused]] const Done scope, CheckScope(call));
  if (parts_.authorize && !IsReview(*call.resource)) {  // everybody may ask about itself
    ASYA_TRY([[maybe_unused]] const Done allowed, parts_.authorize(call));
  }
  auto accepted = NegotiateObject(call.request.headers.Get("Accept").value_or(""));
  if (!accepted) return NotAcceptable("application/json");
  call.accepted = std::move(*accepted);
  return call;
}

void ApiServer::Implementation::RefuseBusy(http::Responder responder) {
  if (refused_) refused_->Add();
  responder.Send(ToResponse(TooManyRequests()));
}

void ApiServer::Implementation::Run(const std::shared_ptr<Job>& job) {
  if (!executor_.Submit([this, job] { Answer(job); })) RefuseBusy(std::move(job->responder));
}

// The last resort: what a task throws ends its request and not the server.
Outcome<http::Response> ApiServer::Implementation::Try(Job& job) const {
  try {
    return job.work(context_, job.call);
  } catch (const std::exception& failure) {
    return InternalError(failure.what());
  }
}

void ApiServer::Implementation::Answer(const std::shared_ptr<Job>& job) {
  auto outcome = Try(*job);
  if (outcome.ok()) return job->responder.Send(std::move(outcome).value());
  StatusError error = outcome.error();
  // Clients send again what has a Retry-After: not a write that may have happened.
  if (error.code == 504 && !Reads(job->call)) error.retry_after_s = 0;
  const bool waits = error.revision_ahead && parts_.clock.Steady() < job->revision_until;
  if (waits && postponed_.Add(kRevisionPoll, [this, job] { Run(job); })) return;
  if (error.code >= 500) {
    parts_.logger.Warning("a request failed", {{"verb", job->call.info.verb},
                                               {"resource", job->call.info.resource},
                                               {"code", error.code},
                                               {"error", error.message}});
  }
  http::Response response = ToResponse(error);
  AddWarnings(job->call, response);
  job->responder.Send(std::move(response));
}

std::vector<HealthCheck> ApiServer::Implementation::HealthChecks() const {
  return {
      {"ping", [] { return Ok(); }, false},
      {"store",
       [this]() -> asya::Status {
         const auto head = parts_.store.Head();
         return head.ok() ? Ok() : asya::Status(head.error());
       },
       true},
      {"server", [this] { return parts_.ready ? parts_.ready() : Ok(); }, true},
  };
}

void ApiServer::Implementation::Watch(const Call& call, http::Responder responder) {
  if (!call.resource->Allows("watch") || !call.info.subresource.empty()) {
    return responder.Send(ToResponse(MethodNotAllowed("watch")));
  }
  auto options = ParseListOptions(call.request, call.info, true);
  if (!options.ok()) return responder.Send(ToResponse(options.error()));
  auto encoder = WatchEncoder::Create(context_, call);
  if (!encoder.ok()) return responder.Send(ToResponse(encoder.error()));
  const auto session = std::make_shared<WatchSession>(
      context_, std::move(*options), call.resource->kind.plural, std::move(*encoder), settings_.watch,
      WatchSession::Threads{
          [this](std::function<void()> work) { return executor_.Submit(std::move(work)); },
          [this](std::function<void()> work) { return postponed_.Add(kRevisionPoll, std::move(work)); }});
  if (!schedule_.Add(session)) return responder.Send(ToResponse(Unavailable("the server is stopping")));
  std::shared_ptr<http::Stream> stream = responder.StartStream(http::Response{});
  stream->OnClosed([this, session] { schedule_.Ended(session); });
  session->Start(std::move(stream));
}

ApiServer::ApiServer(Parts parts, ApiServerSettings settings)
    : implementation_(std::make_unique<Implementation>(std::move(parts), std::move(settings))) {}
ApiServer::~ApiServer() { Stop(); }
asya::Status ApiServer::Start() { return implementation_->Start(); }
void ApiServer::Stop() { implementation_->Stop(); }
void ApiServer::Handle(http::Request request, http::Responder responder) {
  implementation_->Handle(std::move(request), std::move(responder));
}

Authenticator StaticToken(std::string token, User user) {
  return [expected = "Bearer " + std::move(token), user = std::move(user)](const http::Request& request) {
    const std::string given = request.headers.Get("Authorization").value_or("");
    // Every byte is compared, so that the time taken says nothing about the token.
    unsigned difference = given.size() == expected.size() ? 0 : 1;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      difference |=
          static_cast<unsigned char>(expected[i]) ^ static_cast<unsigned char>(i < given.size() ? given[i] : 0);
    }
    return difference == 0 ? std::optional<User>(user) : std::nullopt;
  };
}

}  // namespace asya::apiserver
