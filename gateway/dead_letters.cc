#include "gateway/dead_letters.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "core/base/sha256.h"
#include "core/json/parse.h"
#include "core/json/split.h"
#include "gateway/check_route.h"
#include "gateway/create_task.h"
#include "gateway/first_message.h"
#include "gateway/page.h"
#include "gateway/problem.h"
#include "gateway/task_json.h"
#include "model/claim.h"
#include "model/envelope.h"

namespace asya::gateway {
namespace {

// Headers that belong to the run that failed, not to the work.
constexpr const char* kRunHeaders[] = {"x-asya-first-attempt", "x-asya-end-attempt", "x-asya-route-resolved",
                                       model::kClaimHeader, model::kRootHeader};

// True when it brings a payload.
Result<bool> ApplyEdit(const http::Request& request, NewTask& wanted) {
  if (request.body.empty()) return false;
  bool brings_payload = false;
  ASYA_TRY(const auto members, json::Split(request.body));
  for (const json::Member& member : members) {
    if (member.key == "payload") {
      wanted.payload = std::string(member.value);
      brings_payload = true;
    } else if (member.key == "headers") {
      ASYA_TRY(const json::Value headers, json::Parse(member.value));
      if (!headers.IsObject())
        return Invalid("headers", "got " + std::string(headers.TypeName()) + "; an object is accepted");
      wanted.headers = headers.AsObject();
    } else {
      return Invalid(member.key, "unknown field; payload and headers are accepted");
    }
  }
  return brings_payload;
}

// With the payload that the letter has or names. One at a time where it is large: some 64 MiB, several times over.
Result<ports::Task> SendAsItWas(const model::Envelope& failed, NewTask& wanted,
                                const std::optional<ports::IdempotencyKey>& key, const Deps& deps) {
  static std::mutex one_large;
  std::unique_lock<std::mutex> turn;
  if (model::ClaimOf(failed)) turn = std::unique_lock(one_large);
  ASYA_TRY(wanted.payload, PayloadOfLetter(failed, deps));
  return Send(wanted, key, deps);
}

// Whether a letter that was replayed before is left alone.
Result<bool> UnlessReplayed(const http::Request& request) {
  const std::string text = request.Query("unlessReplayed").value_or("false");
  if (text == "true" || text == "false") return text == "true";
  return Invalid("unlessReplayed", "got \"" + text + "\"; true and false are accepted");
}

// Of all who replay a letter at the same time and no more than once, one makes the task. A client's own key begins with
// a namespace.
ports::IdempotencyKey OfOneReplay(const ports::DeadLetter& letter, const http::Request& request) {
  return {"\nreplay " + letter.id, Sha256Hex(request.body)};
}

std::optional<std::chrono::microseconds> OriginalTimeout(const model::EnvelopeStatus& status) {
  const auto created = ParseRfc3339(status.created_at);
  const auto deadline = ParseRfc3339(status.deadline_at);
  if (!created || !deadline || *deadline <= *created) return std::nullopt;
  return *deadline - *created;
}

}  // namespace

std::string SignatureOf(const ports::DeadLetter& letter) {
  return Sha256Hex(letter.actor + "\n" + letter.reason + "\n" + letter.error_type).substr(0, 12);
}

http::Response ListDeadLetters(const http::Request& request, const Deps& deps) {
  std::vector<Error> errors;
  ports::DeadLetterFilter filter;
  filter.namespace_ = request.Query("namespace");
  filter.actor = request.Query("actor");
  filter.limit = kPageItemsMax;
  filter.cursor = request.Query("cursor").value_or("");
  ReadLimit(request, filter.limit, errors);
  if (!errors.empty()) return Problem(errors);
  const auto page = deps.tasks.ListDeadLetters(filter);
  if (!page.ok()) return Problem(page.error());
  std::map<std::string, std::pair<std::int64_t, const ports::DeadLetter*>> groups;
  std::string text = "{\"items\":[";
  for (const ports::DeadLetter& letter : page->letters) {
    text += (text.back() == '[' ? "" : ",") + DeadLetterJson(letter, false);
    auto& group = groups.try_emplace(letter.signature, 0, &letter).first->second;
    ++group.first;
  }
  text += "],\"groups\":";
  json::Array list;
  for (const auto& [signature, group] : groups) {
    list.push_back(json::Object{{"signature", signature},
                                {"count", group.first},
                                {"actor", group.second->actor},
                                {"reason", group.second->reason},
                                {"errorType", group.second->error_type},
                                {"latestMessage", group.second->error_message}});
  }
  return Json(200, text + json::Dump(list) + R"(,"nextCursor":)" + json::Quote(page->next_cursor) + "}");
}

http::Response ReadDeadLetter(const http::Request& request, const Deps& deps) {
  const auto letter = deps.tasks.GetDeadLetter(request.parameters.find("id")->second);
  return letter.ok() ? Json(200, DeadLetterJson(*letter, true)) : Problem(letter.error());
}

http::Response ReplayDeadLetter(const http::Request& request, const Deps& deps, const Limits& limits) {
  if (request.body.size() > limits.payload_bytes) {
    return Problem(Fail(ErrorCode::kTooLarge, "body of " + std::to_string(request.body.size()) + " bytes; at most " +
                                                  std::to_string(limits.payload_bytes) + " are accepted"));
  }
  const std::string& id = request.parameters.find("id")->second;
  const auto once = UnlessReplayed(request);
  if (!once.ok()) return Problem(once.error());
  const auto letter = deps.tasks.GetDeadLetter(id);
  if (!letter.ok()) return Problem(letter.error());
  if (*once && !letter->replayed_as.empty()) {
    return Json(200, json::Dump(json::Object{
                         {"id", letter->replayed_as}, {"replay_of", letter->id}, {"replayedBefore", true}}));
  }
  if (letter->envelope_json.empty()) {
    return Problem(Error{ErrorCode::kInvalid,
                         "dead letter " + id +
                             " could not be parsed as an envelope; its bytes are in rawBase64, send "
                             "the repaired payload as a new task",
                         "id"});
  }
  const auto envelope = model::ParseEnvelope(letter->envelope_json);
  if (!envelope.ok()) return Problem(envelope.error());
  NewTask wanted;
  wanted.namespace_ = letter->namespace_.empty() ? "default" : letter->namespace_;
  wanted.actor = envelope->route.curr.empty() ? letter->actor : envelope->route.curr;
  wanted.prev = envelope->route.prev;
  wanted.next = envelope->route.next;
  wanted.payload = envelope->payload;
  wanted.headers = envelope->headers;
  if (const auto flow = wanted.headers.find("x-asya-flow"); flow != wanted.headers.end() && flow->second.IsString()) {
    wanted.flow = flow->second.AsString();
  }
  wanted.timeout = OriginalTimeout(envelope->status);
  wanted.replay_of = letter->id;
  // By what the failed task is found, its replay is too; an older one may be forgotten.
  if (const auto failed = deps.tasks.Get(letter->id); failed.ok() && failed->namespace_ == wanted.namespace_) {
    wanted.labels_json = failed->labels_json;
  }
  const auto edited = ApplyEdit(request, wanted);
  if (!edited.ok()) return Problem(edited.error());
  // Also of headers that were read from the letter, changed and sent back.
  for (const char* name : kRunHeaders) wanted.headers.erase(name);
  if (const auto refused = CheckRoute(wanted, deps); !refused.empty()) return Problem(refused);
  const auto key = *once ? std::optional(OfOneReplay(*letter, request)) : std::nullopt;
  const auto task = *edited ? Send(wanted, key, deps) : SendAsItWas(*envelope, wanted, key, deps);
  if (!task.ok()) return Problem(task.error());
  if (const Status marked = deps.tasks.MarkReplayed(letter->id, task->id); !marked.ok()) {
    deps.logger.Warning("replay was sent but not marked", {{"task", task->id}});
  }
  http::Response response = Json(201, json::Dump(json::Object{{"id", task->id}, {"replay_of", letter->id}}));
  response.headers.Set("Location", TasksPath(request) + task->id);
  return response;
}

}  // namespace asya::gateway
