#include "gateway/create_task.h"

#include <array>
#include <cstdio>
#include <functional>
#include <utility>
#include <variant>

#include "core/base/random.h"
#include "core/base/sha256.h"
#include "core/json/parse.h"
#include "core/json/split.h"
#include "core/otlp/span.h"
#include "gateway/check_route.h"
#include "gateway/first_message.h"
#include "gateway/labels.h"
#include "gateway/problem.h"
#include "gateway/task_json.h"
#include "model/claim.h"
#include "model/envelope.h"

namespace asya::gateway {
namespace {

constexpr std::size_t kRouteLimitActors = 256;
constexpr std::size_t kErrorsListedMax = 20;  // in one answer
constexpr double kTimeoutLimitSeconds = 30.0 * 24 * 3600;

// The members of the request body, before anything is looked up.
struct Body {
  std::string payload = "null";
  json::Object headers;
  std::optional<double> timeout_seconds;
  std::optional<std::vector<std::string>> next;
  std::string idempotency_key;
  std::string labels;
};

void ReadNext(const json::Value& value, Body& body, std::vector<Error>& errors) {
  if (!value.IsArray() || value.AsArray().size() > kRouteLimitActors) {
    errors.push_back(Invalid("next", "got " + std::string(value.TypeName()) + "; a list of at most " +
                                         std::to_string(kRouteLimitActors) + " actor names is accepted"));
    return;
  }
  std::vector<std::string> names;
  for (const json::Value& item : value.AsArray()) {
    if (!item.IsString() || item.AsString().empty()) {
      errors.push_back(Invalid("next[" + std::to_string(names.size()) + "]",
                               "got " + std::string(item.TypeName()) + "; an actor name is accepted"));
      return;
    }
    if (item.AsString() == model::kSinkActor || item.AsString() == model::kSumpActor) {
      errors.push_back(Invalid("next[" + std::to_string(names.size()) + "]",
                               item.AsString() + " ends every route by itself and cannot be named"));
      return;
    }
    names.push_back(item.AsString());
  }
  body.next = std::move(names);
}

void ReadMember(const json::Member& member, Body& body, std::vector<Error>& errors) {
  if (member.key == "payload") {
    body.payload = std::string(member.value);
    return;
  }
  const auto parsed = json::Parse(member.value);
  if (!parsed.ok()) {
    errors.push_back(Invalid(member.key, parsed.error().message));
    return;
  }
  const json::Value& value = *parsed;
  if (member.key == "headers") {
    if (value.IsObject()) {
      body.headers = value.AsObject();
      for (const char* own : {model::kClaimHeader, model::kRootHeader}) {
        if (body.headers.erase(own) == 0) continue;
        errors.push_back(Invalid(std::string("headers.") + own, "is written by the relays only; leave it out"));
      }
    } else {
      errors.push_back(Invalid("headers", "got " + std::string(value.TypeName()) + "; an object is accepted"));
    }
  } else if (member.key == "timeout") {
    if (value.IsNumber() && value.AsDouble() > 0 && value.AsDouble() <= kTimeoutLimitSeconds) {
      body.timeout_seconds = value.AsDouble();
    } else {
      errors.push_back(
          Invalid("timeout", "got " + json::Dump(value) + "; seconds over 0 and up to 2592000 are accepted"));
    }
  } else if (member.key == "next") {
    ReadNext(value, body, errors);
  } else if (member.key == "idempotencyKey") {
    if (value.IsString() && !value.AsString().empty() && value.AsString().size() <= 256) {
      body.idempotency_key = value.AsString();
    } else {
      errors.push_back(Invalid("idempotencyKey", "a string of 1 to 256 bytes is accepted"));
    }
  } else if (member.key == "labels") {
    auto labels = LabelsOf(value);
    if (!labels.ok()) return errors.push_back(labels.error());
    body.labels = *std::move(labels);
  } else {
    errors.push_back(
        Invalid(member.key, "unknown field; payload, headers, timeout, next, labels and idempotencyKey are accepted"));
  }
}

// Reads a flow's route into `wanted`.
Status FollowFlow(const std::string& name, const Deps& deps, NewTask& wanted) {
  const auto record = deps.objects.Get({"flows", wanted.namespace_, name});
  if (!record.ok()) {
    if (record.error().code != ErrorCode::kNotFound) return record.error();
    return Error{ErrorCode::kNotFound, "no flow \"" + name + "\" in namespace \"" + wanted.namespace_ + "\"", "flow"};
  }
  ASYA_TRY(const json::Value object, json::Parse(*record->json));
  const json::Value* spec = object.Find("spec");
  if (spec == nullptr) return Fail(ErrorCode::kInternal, "flow \"" + name + "\" has no spec");
  wanted.flow = name;
  wanted.actor = spec->GetString("entrypoint").value_or("");
  if (const json::Value* next = spec->Find("routeNext"); next != nullptr && next->IsArray()) {
    for (const json::Value& item : next->AsArray()) {
      if (item.IsString()) wanted.next.push_back(item.AsString());
    }
  }
  if (const auto timeout = spec->GetString("timeout"); timeout && !wanted.timeout) {
    wanted.timeout = ParseGoDuration(*timeout);
  }
  wanted.headers["x-asya-flow"] = name;
  return Ok();
}

// The trace that the client began, or a new one.
otlp::Span BeginSpan(const json::Object& headers, WallTime now, bool& sampled) {
  const auto given = headers.find("traceparent");
  const bool is_text = given != headers.end() && given->second.IsString();
  const auto parent = is_text ? otlp::ParseTraceparent(given->second.AsString()) : std::nullopt;
  sampled = !parent || parent->sampled;
  otlp::Span span;
  span.trace_id = parent ? parent->trace_id : otlp::NewTraceId();
  span.parent_span_id = parent ? parent->span_id : "";
  span.span_id = otlp::NewSpanId();
  span.name = "gateway.create_task";
  span.kind = otlp::SpanKind::kProducer;
  span.start = now;
  return span;
}

http::Response Answer(const std::string& tasks_path, const ports::Task& task, bool created) {
  http::Response response = Json(created ? 201 : 200, R"({"id":)" + json::Quote(task.id) + "}");
  response.headers.Set("Location", tasks_path + task.id);
  return response;
}

Result<NewTask> Resolve(const http::Request& request, Body body, const Deps& deps) {
  NewTask wanted;
  wanted.namespace_ = request.Query("namespace").value_or("default");
  wanted.payload = std::move(body.payload);
  wanted.headers = std::move(body.headers);
  wanted.labels_json = std::move(body.labels);
  if (const auto trace = request.headers.Get("traceparent"); trace && otlp::ParseTraceparent(*trace)) {
    wanted.headers.try_emplace("traceparent", *trace);
  }
  if (body.timeout_seconds) {
    wanted.timeout = std::chrono::microseconds(static_cast<std::int64_t>(*body.timeout_seconds * 1e6));
  }
  const auto actor = request.Query("actor");
  const auto flow = request.Query("flow");
  if (actor.has_value() == flow.has_value()) {
    return Invalid("actor", "exactly one of the query parameters actor and flow is accepted");
  }
  if (actor) {
    if (actor->empty() || *actor == model::kSinkActor || *actor == model::kSumpActor) {
      return Invalid("actor", "got \"" + *actor + "\"; the name of an actor is accepted, not a system actor's");
    }
    wanted.actor = *actor;
    wanted.next = body.next.value_or(std::vector<std::string>{});
    return wanted;
  }
  if (body.next) return Invalid("next", "a flow has a route of its own; leave next out or call the actor");
  ASYA_TRY_STATUS(FollowFlow(*flow, deps, wanted));
  return wanted;
}

// Of a larger one, which only a replay has, the task tells no more than this.
std::string KeptPayload(const std::string& payload) {
  if (payload.size() <= Limits{}.payload_bytes) return payload;
  return json::Dump(json::Object{{"x-asya-dropped", json::Object{{"bytes", static_cast<std::int64_t>(payload.size())},
                                                                 {"sha256", Sha256Hex(payload)}}}});
}

// A task with its first envelope, ready to be stored.
struct Prepared {
  ports::Task task;
  model::Envelope envelope;
  otlp::Span span;
  bool sampled = true;
};

// `payload` in place of that of `wanted`.
Prepared Prepare(const NewTask& wanted, std::string payload, const Deps& deps) {
  const WallTime now = deps.clock.Now();
  Prepared prepared;
  ports::Task& task = prepared.task;
  task.id = NewOrderedUuid(now);
  task.namespace_ = wanted.namespace_;
  task.flow = wanted.flow;
  task.actor = wanted.actor;
  task.current_actor = wanted.actor;
  task.payload_json = KeptPayload(payload);
  task.headers_json = wanted.headers.empty() ? "" : json::Dump(wanted.headers);
  task.replay_of = wanted.replay_of;
  task.labels_json = wanted.labels_json;
  task.created_at = now;
  task.updated_at = now;
  if (wanted.timeout) task.deadline_at = now + *wanted.timeout;

  model::Envelope& envelope = prepared.envelope;
  envelope.id = task.id;
  envelope.route = {wanted.prev, wanted.actor, wanted.next};
  envelope.headers = wanted.headers;
  otlp::Span& span = prepared.span;
  span = BeginSpan(envelope.headers, now, prepared.sampled);
  // What the client gave goes on as it is where no span of ours stands between.
  if (deps.spans != nullptr || !envelope.headers.contains("traceparent")) {
    envelope.headers["traceparent"] = otlp::FormatTraceparent({span.trace_id, span.span_id, prepared.sampled});
  }
  envelope.status.phase = "pending";
  envelope.status.actor = wanted.actor;
  envelope.status.created_at = FormatRfc3339(now, true);
  envelope.status.updated_at = envelope.status.created_at;
  if (task.deadline_at) envelope.status.deadline_at = FormatRfc3339(*task.deadline_at, true);
  envelope.payload = std::move(payload);
  if (deps.spans == nullptr) return prepared;
  span.attributes = {{"asya.task", task.id}, {"asya.namespace", task.namespace_}, {"asya.actor", task.actor}};
  if (!task.flow.empty()) span.attributes.emplace_back("asya.flow", task.flow);
  return prepared;
}

// The first message, for which the payload may go into the claim store. The envelope keeps none.
Result<ports::FirstMessage> Message(Prepared& prepared, const Deps& deps) {
  const std::string queue = model::QueueName(prepared.task.namespace_, prepared.task.actor);
  ASYA_TRY(std::string body, FirstMessageBody(prepared.envelope, queue, deps));
  prepared.envelope.payload.clear();
  return ports::FirstMessage{queue, std::move(body)};
}

// What was not stored, or was stored under another id before, needs no payload of its own. After a timeout it may be
// stored all the same.
bool LeavesPayload(const Prepared& prepared, const Result<ports::Task>& created) {
  if (!model::HoldsClaims(prepared.envelope)) return false;
  if (created.ok()) return created->id != prepared.envelope.id;
  return created.error().code != ErrorCode::kTimeout && created.error().code != ErrorCode::kUnavailable;
}

void EndSpan(Prepared& prepared, const Result<ports::Task>& created, const Deps& deps) {
  if (deps.spans == nullptr || !prepared.sampled) return;
  prepared.span.end = deps.clock.Now();
  if (!created.ok()) prepared.span.error = ErrorCodeName(created.error().code);
  deps.spans->Add(std::move(prepared.span));
}

// What an idempotency key stands for: the payload and where it is to go. Not the headers, of which each attempt of a
// client may have its own, and of a flow its name alone: it may be changed meanwhile.
std::string DigestOf(const NewTask& wanted) {
  json::Array place = {wanted.namespace_, wanted.flow.empty() ? "actor" : "flow"};
  if (wanted.flow.empty()) {
    place.emplace_back(wanted.actor);
    for (const std::string& actor : wanted.next) place.emplace_back(actor);
  } else {
    place.emplace_back(wanted.flow);
  }
  return Sha256Hex(json::Dump(place) + "\n" + wanted.payload);
}

http::Response Refusal(const Error& error, const NewTask& wanted, bool has_key, const Deps& deps) {
  if (error.code == ErrorCode::kUnroutable) {
    if (deps.objects.Get({"asyncactors", wanted.namespace_, wanted.actor}).ok()) {
      return Problem(Fail(ErrorCode::kUnavailable, "actor \"" + wanted.actor + "\" has no queue yet; try again"));
    }
    return Problem(NoSuchActor(wanted, deps));
  }
  if (!has_key || error.code != ErrorCode::kConflict) return Problem(error);
  constexpr int kUnprocessable = 422;
  const char* const used = "the key was used for other work: another payload, actor or flow, next or namespace";
  return Problem({Error{error.code, used, "idempotencyKey"}}, kUnprocessable);
}

// Each request has an id of its own; times would not tell whose task it is, for the store writes them by its own clock.
http::Response Taken(const std::string& tasks_path, const ports::Task& task, const Prepared& prepared,
                     const Deps& deps) {
  const bool created = task.id == prepared.envelope.id;
  if (!created && !ports::IsTerminal(task.status)) {
    return Problem(
        Error{ErrorCode::kConflict, "task " + task.id + " with this key is still in flight", "idempotencyKey"});
  }
  if (created) deps.metrics.Created();
  return Answer(tasks_path, task, created);
}

// What is asked for, or what is wrong with it.
struct Asked {
  NewTask wanted;
  std::optional<ports::IdempotencyKey> key;
};
std::variant<Asked, http::Response> Read(const http::Request& request, const Deps& deps, const Limits& limits) {
  if (request.body.size() > limits.payload_bytes) {
    return Problem(Fail(ErrorCode::kTooLarge, "body of " + std::to_string(request.body.size()) + " bytes; at most " +
                                                  std::to_string(limits.payload_bytes) + " are accepted"));
  }
  const auto members = json::Split(request.body.empty() ? std::string_view("{}") : std::string_view(request.body));
  if (!members.ok()) return Problem(members.error());
  Body body;
  std::vector<Error> errors;
  for (const json::Member& member : *members) {
    if (errors.size() < kErrorsListedMax) ReadMember(member, body, errors);
  }
  if (!errors.empty()) return Problem(errors);
  Asked asked;
  const std::string header_key = request.headers.Get("Idempotency-Key").value_or("");
  if (!header_key.empty() || !body.idempotency_key.empty()) {
    asked.key = {body.idempotency_key.empty() ? header_key : body.idempotency_key, ""};
  }
  auto wanted = Resolve(request, std::move(body), deps);
  if (!wanted.ok()) return Problem(wanted.error());
  if (const auto refused = CheckRoute(*wanted, deps); !refused.empty()) return Problem(refused);
  if (asked.key) {
    asked.key->payload_digest = DigestOf(*wanted);
    // Teams that choose the same one are not in each other's way.
    asked.key->key = wanted->namespace_ + "/" + asked.key->key;
  }
  asked.wanted = *std::move(wanted);
  return asked;
}

}  // namespace

Result<ports::Task> Send(const NewTask& wanted, const std::optional<ports::IdempotencyKey>& key, const Deps& deps) {
  Prepared prepared = Prepare(wanted, wanted.payload, deps);
  auto message = Message(prepared, deps);
  if (!message.ok()) {
    EndSpan(prepared, message.error(), deps);
    return message.error();
  }
  auto created = deps.tasks.Create(prepared.task, *message, key);
  EndSpan(prepared, created, deps);
  if (LeavesPayload(prepared, created)) ForgetPayload(prepared.envelope, deps);
  return created;
}

void CreateTask(const http::Request& request, http::Responder responder, const Deps& deps, const Limits& limits) {
  auto read = Read(request, deps, limits);
  if (auto* refused = std::get_if<http::Response>(&read)) return responder.Send(std::move(*refused));
  struct Waiting {
    Asked asked;
    Prepared prepared;
    http::Responder responder;
    std::string tasks_path;
  };
  auto waiting = std::make_shared<Waiting>(
      Waiting{std::get<Asked>(std::move(read)), Prepared{}, std::move(responder), TasksPath(request)});
  Prepared& prepared = waiting->prepared;
  prepared = Prepare(waiting->asked.wanted, std::move(waiting->asked.wanted.payload), deps);
  auto message = Message(prepared, deps);
  if (!message.ok()) {
    EndSpan(prepared, message.error(), deps);
    return waiting->responder.Send(Problem(message.error()));
  }
  const auto done = [waiting, &deps](const Result<ports::Task>& task) {
    EndSpan(waiting->prepared, task, deps);
    const bool leaves = LeavesPayload(waiting->prepared, task);
    const auto taken = [&deps, waiting](const ports::Task& stored) {
      waiting->responder.Send(Taken(waiting->tasks_path, stored, waiting->prepared, deps));
    };
    if (task.ok() && !leaves) return taken(*task);
    // Asks the stores, for which this thread has no time. A full executor drops the responder, which then answers by
    // itself, and leaves the payload to its expiry.
    static_cast<void>(deps.executor.Submit([waiting, task, taken, leaves, &deps] {
      if (leaves) ForgetPayload(waiting->prepared.envelope, deps);
      if (task.ok()) return taken(*task);
      waiting->responder.Send(Refusal(task.error(), waiting->asked.wanted, waiting->asked.key.has_value(), deps));
    }));
  };
  deps.tasks.CreateThen(std::move(prepared.task), *std::move(message), waiting->asked.key, done);
}

}  // namespace asya::gateway
