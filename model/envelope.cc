#include "model/envelope.h"

#include <array>
#include <utility>

#include "core/base/sha256.h"
#include "core/json/parse.h"
#include "core/json/split.h"
#include "model/envelope_scan.h"

namespace asya::model {
namespace {

// These take what they need out of the value.
Result<std::string> ReadString(json::Value& value, std::string_view field) {
  if (value.IsNull()) return std::string();
  if (!value.IsString()) return Invalid(std::string(field), std::string("expected a string, got ") + value.TypeName());
  return std::move(value.AsString());
}

Result<std::vector<std::string>> ReadNames(json::Value& value, const char* field) {
  std::vector<std::string> names;
  if (value.IsNull()) return names;
  if (!value.IsArray()) return Invalid(field, std::string("expected an array of actor names, got ") + value.TypeName());
  if (value.AsArray().size() > kRouteLimitActors) {
    return Invalid(field, "at most " + std::to_string(kRouteLimitActors) + " actors are accepted");
  }
  names.reserve(value.AsArray().size());
  for (json::Value& item : value.AsArray()) {
    if (!item.IsString()) return Invalid(field, std::string("expected actor names, got ") + item.TypeName());
    names.push_back(std::move(item.AsString()));
  }
  return names;
}

Result<Route> ReadRoute(std::string_view text) {
  ASYA_TRY(json::Value value, json::Parse(text));
  if (!value.IsObject()) return Invalid("route", std::string("expected an object, got ") + value.TypeName());
  Route route;
  for (auto& [key, member] : value.AsObject()) {
    if (key == "prev") {
      ASYA_TRY(route.prev, ReadNames(member, "route.prev"));
    } else if (key == "curr") {
      ASYA_TRY(route.curr, ReadString(member, "route.curr"));
    } else if (key == "next") {
      ASYA_TRY(route.next, ReadNames(member, "route.next"));
    }
  }
  return route;
}

Result<json::Object> ReadObject(std::string_view text, std::string_view field) {
  ASYA_TRY(json::Value value, json::Parse(text));
  if (value.IsNull()) return json::Object{};
  if (!value.IsObject()) return Invalid(std::string(field), std::string("expected an object, got ") + value.TypeName());
  return std::move(value.AsObject());
}

Status ReadCount(const json::Value& value, const std::string& field, std::int64_t& count) {
  if (value.IsNull()) return Ok();
  if (!value.IsInt() || value.AsInt() < 0) return Invalid(field, "expected an integer of 0 or more");
  count = value.AsInt();
  return Ok();
}

Status ReadDeadline(const EnvelopeStatus& status) {
  if (status.deadline_at.empty() || ParseRfc3339(status.deadline_at).has_value()) return Ok();
  return Invalid("status.deadline_at", "expected an RFC 3339 time such as 2026-11-18T12:00:00Z");
}

Result<EnvelopeStatus> ReadStatus(std::string_view text) {
  ASYA_TRY(json::Object object, ReadObject(text, "status"));
  EnvelopeStatus status;
  const std::array<std::pair<std::string_view, std::string*>, 6> texts = {{{"phase", &status.phase},
                                                                           {"reason", &status.reason},
                                                                           {"actor", &status.actor},
                                                                           {"created_at", &status.created_at},
                                                                           {"updated_at", &status.updated_at},
                                                                           {"deadline_at", &status.deadline_at}}};
  for (const auto& [name, target] : texts) {
    const auto found = object.find(name);
    if (found == object.end()) continue;
    ASYA_TRY(*target, ReadString(found->second, "status." + std::string(name)));
    object.erase(found);
  }
  for (const auto& [name, target] :
       {std::pair{"attempt", &status.attempt}, std::pair{"max_attempts", &status.max_attempts}}) {
    const auto found = object.find(name);
    if (found == object.end()) continue;
    ASYA_TRY_STATUS(ReadCount(found->second, std::string("status.") + name, *target));
    object.erase(found);
  }
  if (const auto found = object.find("error"); found != object.end()) {
    status.error = std::move(found->second);
    object.erase(found);
  }
  ASYA_TRY_STATUS(ReadDeadline(status));
  status.extra = std::move(object);
  return status;
}

void AppendNames(std::string& out, const std::vector<std::string>& names) {
  out += '[';
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) out += ',';
    json::AppendQuoted(out, names[i]);
  }
  out += ']';
}

void AppendText(std::string& out, const char* opening, const std::string& text) {
  if (text.empty()) return;
  out += opening;
  json::AppendQuoted(out, text);
}

void AppendStatus(std::string& out, const EnvelopeStatus& status) {
  out += R"({"phase":)";
  json::AppendQuoted(out, status.phase);
  AppendText(out, R"(,"reason":)", status.reason);
  AppendText(out, R"(,"actor":)", status.actor);
  out += R"(,"attempt":)";
  out += std::to_string(status.attempt);
  out += R"(,"max_attempts":)";
  out += std::to_string(status.max_attempts);
  AppendText(out, R"(,"created_at":)", status.created_at);
  AppendText(out, R"(,"updated_at":)", status.updated_at);
  AppendText(out, R"(,"deadline_at":)", status.deadline_at);
  if (!status.error.IsNull()) {
    out += R"(,"error":)";
    json::AppendDump(out, status.error);
  }
  for (const auto& [key, value] : status.extra) {
    out += ',';
    json::AppendQuoted(out, key);
    out += ':';
    json::AppendDump(out, value);
  }
  out += '}';
}

Error Named(Error error, std::string_view field) {
  if (error.field.empty()) error.field = std::string(field);
  return error;
}

Status CheckIds(const Envelope& envelope) {
  if (envelope.id.empty()) return Invalid("id", "required, a string that is not empty");
  if (envelope.id.size() > kIdLimitBytes || envelope.parent_id.size() > kIdLimitBytes) {
    return Invalid(envelope.id.size() > kIdLimitBytes ? "id" : "parent_id",
                   "at most " + std::to_string(kIdLimitBytes) + " bytes are accepted");
  }
  return Ok();
}

Status ReadMember(const json::Member& member, Envelope& envelope) {
  if (member.key == "payload") {
    envelope.payload = std::string(member.value);
  } else if (member.key == "id" || member.key == "parent_id") {
    ASYA_TRY(json::Value value, json::Parse(member.value));
    ASYA_TRY((member.key == "id" ? envelope.id : envelope.parent_id), ReadString(value, member.key));
  } else if (member.key == "route") {
    ASYA_TRY(envelope.route, ReadRoute(member.value));
  } else if (member.key == "headers") {
    ASYA_TRY(envelope.headers, ReadObject(member.value, "headers"));
  } else if (member.key == "status") {
    ASYA_TRY(envelope.status, ReadStatus(member.value));
  }
  return Ok();
}

}  // namespace

Route Route::Shifted() const {
  Route shifted;
  shifted.prev = prev;
  if (!curr.empty()) shifted.prev.push_back(curr);
  if (!next.empty()) {
    shifted.curr = next.front();
    shifted.next.assign(next.begin() + 1, next.end());
  }
  return shifted;
}

Result<Envelope> ParseEnvelope(std::string_view text) {
  if (Envelope scanned; ScanEnvelope(text, scanned)) return scanned;
  ASYA_TRY(const auto members, json::Split(text));
  Envelope envelope;
  bool has_payload = false;
  bool has_route = false;
  for (const json::Member& member : members) {
    has_payload = has_payload || member.key == "payload";
    has_route = has_route || member.key == "route";
    if (auto status = ReadMember(member, envelope); !status.ok()) return Named(status.error(), member.key);
  }
  ASYA_TRY_STATUS(CheckIds(envelope));
  if (!has_route) return Invalid("route", "required, an object {prev, curr, next}");
  if (!has_payload) return Invalid("payload", "required, any JSON value");
  return envelope;
}

std::string SerializeEnvelope(const Envelope& envelope) {
  std::string out;
  constexpr std::size_t kFrameBytes = 512;  // what the fields around the payload usually need
  out.reserve(envelope.payload.size() + kFrameBytes);
  out += R"({"id":)";
  json::AppendQuoted(out, envelope.id);
  AppendText(out, R"(,"parent_id":)", envelope.parent_id);
  out += R"(,"route":{"prev":)";
  AppendNames(out, envelope.route.prev);
  out += R"(,"curr":)";
  json::AppendQuoted(out, envelope.route.curr);
  out += R"(,"next":)";
  AppendNames(out, envelope.route.next);
  out += R"(},"headers":)";
  json::AppendDump(out, envelope.headers);
  out += R"(,"status":)";
  AppendStatus(out, envelope.status);
  out += R"(,"payload":)";
  out += envelope.payload;
  out += '}';
  return out;
}

Result<Frame> ParseFrame(std::string_view text) {
  json::Scan scan(text);
  scan.Space();
  if (auto scanned = ScanFrame(scan); scanned && scan.AtEnd()) return std::move(*scanned);
  ASYA_TRY(const auto members, json::Split(text));
  Frame frame;
  bool has_payload = false;
  bool has_route = false;
  for (const json::Member& member : members) {
    if (member.key == "payload") {
      has_payload = true;
      frame.payload = std::string(member.value);
    } else if (member.key == "route") {
      has_route = true;
      ASYA_TRY(frame.route, ReadRoute(member.value));
    } else if (member.key == "headers" || member.key == "status") {
      ASYA_TRY((member.key == "headers" ? frame.headers : frame.status), ReadObject(member.value, member.key));
    }
  }
  if (!has_payload) return Invalid("payload", "required in a frame");
  if (!has_route) return Invalid("route", "required in a frame");
  return frame;
}

std::string DeriveId(std::string_view input_id, std::string_view actor, std::int64_t index) {
  if (index == 0) return std::string(input_id);
  std::string text(input_id);
  text += '\0';
  text += actor;
  text += '\0';
  text += std::to_string(index);
  std::string id = Sha256Hex(text).substr(0, 32);
  // RFC 9562: version 8 (custom), variant 10.
  id[12] = '8';
  id[16] = "89ab"[static_cast<std::size_t>(id[16] <= '9' ? id[16] - '0' : id[16] - 'a' + 10) & 3U];
  for (const std::size_t at : {8U, 13U, 18U, 23U}) id.insert(at, 1, '-');
  return id;
}

std::string QueueName(std::string_view namespace_, std::string_view actor) {
  constexpr std::string_view kPrefix = "asya-";
  std::string name;
  name.reserve(kPrefix.size() + namespace_.size() + 1 + actor.size());
  name += kPrefix;
  name += namespace_;
  name += '-';
  name += actor;
  return name;
}

std::string RouteTarget(const json::Object& headers, const std::string& actor) {
  const auto header = headers.find("x-asya-route-override");
  if (header == headers.end()) return actor;
  return header->second.GetString(actor).value_or(actor);
}

}  // namespace asya::model
