#include "gateway/task_json.h"

#include <utility>

namespace asya::gateway {
namespace {

// Adds raw members to the text of a JSON object.
void Append(std::string& object_text, std::string_view key, const std::string& raw) {
  if (raw.empty()) return;
  object_text.pop_back();
  if (object_text.size() > 1) object_text += ',';
  object_text += json::Quote(key);
  object_text += ':';
  object_text += raw;
  object_text += '}';
}

void SetUnlessEmpty(json::Object& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

}  // namespace

std::string TaskJson(const ports::Task& task, bool with_payload) {
  json::Object object;
  object["id"] = task.id;
  object["namespace"] = task.namespace_;
  object["status"] = ports::TaskStatusName(task.status);
  object["progress"] = task.progress;
  object["createdAt"] = FormatRfc3339(task.created_at, true);
  object["updatedAt"] = FormatRfc3339(task.updated_at, true);
  if (task.deadline_at) object["deadlineAt"] = FormatRfc3339(*task.deadline_at, true);
  SetUnlessEmpty(object, "actor", task.actor);
  SetUnlessEmpty(object, "flow", task.flow);
  SetUnlessEmpty(object, "parentId", task.parent_id);
  SetUnlessEmpty(object, "currentActor", task.current_actor);
  SetUnlessEmpty(object, "reason", task.reason);
  SetUnlessEmpty(object, "replayOf", task.replay_of);
  std::string text = json::Dump(object);
  Append(text, "labels", task.labels_json);
  Append(text, "error", task.error_json);
  if (with_payload) {
    Append(text, "payload", task.payload_json);
    Append(text, "headers", task.headers_json);
    Append(text, "result", task.result_json);
  }
  return text;
}

std::string DeadLetterJson(const ports::DeadLetter& letter, bool with_envelope) {
  json::Object object;
  object["id"] = letter.id;
  object["namespace"] = letter.namespace_;
  object["actor"] = letter.actor;
  object["reason"] = letter.reason;
  object["at"] = FormatRfc3339(letter.at, true);
  object["signature"] = letter.signature;
  object["error"] = json::Object{{"type", letter.error_type}, {"message", letter.error_message}};
  SetUnlessEmpty(object, "replayedAs", letter.replayed_as);
  std::string text;
  if (with_envelope) SetUnlessEmpty(object, "rawBase64", letter.raw_base64);
  text = json::Dump(object);
  if (with_envelope) Append(text, "envelope", letter.envelope_json);
  return text;
}

}  // namespace asya::gateway
