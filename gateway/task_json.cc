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

void AppendUnlessEmpty(std::string& text, const char* opening, const std::string& value) {
  if (value.empty()) return;
  text += opening;
  text += json::Quote(value);
}

void SetUnlessEmpty(json::Object& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

}  // namespace

std::string TaskJson(const ports::Task& task, bool with_payload) {
  std::string text;
  constexpr std::size_t kFieldsBytes = 1024;  // what is around payload and result usually needs
  text.reserve(kFieldsBytes + (with_payload ? task.payload_json.size() + task.result_json.size() : 0));
  text += R"({"createdAt":")" + FormatRfc3339(task.created_at, true) + '"';
  AppendUnlessEmpty(text, R"(,"actor":)", task.actor);
  AppendUnlessEmpty(text, R"(,"currentActor":)", task.current_actor);
  if (task.deadline_at) text += R"(,"deadlineAt":")" + FormatRfc3339(*task.deadline_at, true) + '"';
  AppendUnlessEmpty(text, R"(,"flow":)", task.flow);
  text += R"(,"id":)" + json::Quote(task.id) + R"(,"namespace":)" + json::Quote(task.namespace_);
  AppendUnlessEmpty(text, R"(,"parentId":)", task.parent_id);
  text += R"(,"progress":)" + json::Dump(json::Value(task.progress));
  AppendUnlessEmpty(text, R"(,"reason":)", task.reason);
  AppendUnlessEmpty(text, R"(,"replayOf":)", task.replay_of);
  text += R"(,"status":")";
  text += ports::TaskStatusName(task.status);
  text += R"(","updatedAt":")" + FormatRfc3339(task.updated_at, true) + "\"}";
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
