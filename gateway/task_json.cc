#include "gateway/task_json.h"

#include <string_view>

namespace asya::gateway {
namespace {

// A member with JSON that was kept as it came.
void AppendRaw(std::string& out, std::string_view opening, const std::string& raw) {
  if (raw.empty()) return;
  out += opening;
  out += raw;
}

void AppendUnlessEmpty(std::string& out, std::string_view opening, const std::string& value) {
  if (value.empty()) return;
  out += opening;
  json::AppendQuoted(out, value);
}

void AppendTime(std::string& out, std::string_view opening, WallTime time) {
  out += opening;
  AppendRfc3339(out, time, true);
  out += '"';
}

void SetUnlessEmpty(json::Object& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

}  // namespace

void AppendTaskMembers(std::string& out, const ports::Task& task, bool with_payload) {
  constexpr std::size_t kFieldsBytes = 1024;  // what is around payload and result usually needs
  out.reserve(out.size() + kFieldsBytes + (with_payload ? task.payload_json.size() + task.result_json.size() : 0));
  AppendTime(out, R"("createdAt":")", task.created_at);
  AppendUnlessEmpty(out, R"(,"actor":)", task.actor);
  AppendUnlessEmpty(out, R"(,"currentActor":)", task.current_actor);
  if (task.deadline_at) AppendTime(out, R"(,"deadlineAt":")", *task.deadline_at);
  AppendUnlessEmpty(out, R"(,"flow":)", task.flow);
  out += R"(,"id":)";
  json::AppendQuoted(out, task.id);
  out += R"(,"namespace":)";
  json::AppendQuoted(out, task.namespace_);
  AppendUnlessEmpty(out, R"(,"parentId":)", task.parent_id);
  out += R"(,"progress":)";
  json::AppendDump(out, json::Value(task.progress));
  AppendUnlessEmpty(out, R"(,"reason":)", task.reason);
  AppendUnlessEmpty(out, R"(,"replay_of":)", task.replay_of);
  out += R"(,"status":")";
  out += ports::TaskStatusName(task.status);
  AppendTime(out, R"(","updatedAt":")", task.updated_at);
  AppendRaw(out, R"(,"labels":)", task.labels_json);
  AppendRaw(out, R"(,"error":)", task.error_json);
  if (!with_payload) return;
  AppendRaw(out, R"(,"payload":)", task.payload_json);
  AppendRaw(out, R"(,"headers":)", task.headers_json);
  AppendRaw(out, R"(,"result":)", task.result_json);
}

std::string TaskJson(const ports::Task& task, bool with_payload) {
  std::string text = "{";
  AppendTaskMembers(text, task, with_payload);
  text += '}';
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
  if (!with_envelope || letter.envelope_json.empty()) return text;
  text.pop_back();
  AppendRaw(text, R"(,"envelope":)", letter.envelope_json);
  text += '}';
  return text;
}

}  // namespace asya::gateway
