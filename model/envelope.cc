#include "model/envelope.h"

#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "core/base/sha256.h"
#include "core/json/parse.h"
#include "core/json/scan.h"
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

// Writes what stands around the payload: into a piece of memory of its own, since appending each of fifty pieces to a
// string costs more than they do.
class Head {
 public:
  explicit Head(std::string& out) : out_(out) {}
  void Put(std::string_view text) {
    if (text.size() > static_cast<std::size_t>(piece_.data() + piece_.size() - at_)) {
      Flush();
      if (text.size() > piece_.size()) {
        out_ += text;
        return;
      }
    }
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void PutQuoted(std::string_view text) {
    const char* const end = text.data() + text.size();
    if (json::PlainEnd(text.data(), end) == end) {
      Put("\"");
      Put(text);
      Put("\"");
    } else {
      Flush();
      json::AppendQuoted(out_, text);
    }
  }
  void PutValue(const json::Value& value) {
    if (value.IsString()) return PutQuoted(value.AsString());
    Flush();
    json::AppendDump(out_, value);
  }
  void PutNumber(std::int64_t number) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    Put(std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data())));
  }
  void Flush() {
    out_.append(piece_.data(), at_);
    at_ = piece_.data();
  }

 private:
  static constexpr std::size_t kPieceBytes = 1024;
  std::string& out_;
  std::array<char, kPieceBytes> piece_;
  char* at_ = piece_.data();
};

void PutNames(Head& head, const std::vector<std::string>& names) {
  head.Put("[");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) head.Put(",");
    head.PutQuoted(names[i]);
  }
  head.Put("]");
}

void PutText(Head& head, std::string_view opening, const std::string& text) {
  if (text.empty()) return;
  head.Put(opening);
  head.PutQuoted(text);
}

// The members of an object, each with `before` before it; the later ones with a comma.
void PutMembers(Head& head, std::string_view before, const json::Object& members) {
  for (const auto& [key, value] : members) {
    head.Put(std::exchange(before, ","));
    head.PutQuoted(key);
    head.Put(":");
    head.PutValue(value);
  }
}

void PutStatus(Head& head, const EnvelopeStatus& status) {
  head.Put(R"({"phase":)");
  head.PutQuoted(status.phase);
  PutText(head, R"(,"reason":)", status.reason);
  PutText(head, R"(,"actor":)", status.actor);
  head.Put(R"(,"attempt":)");
  head.PutNumber(status.attempt);
  head.Put(R"(,"max_attempts":)");
  head.PutNumber(status.max_attempts);
  PutText(head, R"(,"created_at":)", status.created_at);
  PutText(head, R"(,"updated_at":)", status.updated_at);
  PutText(head, R"(,"deadline_at":)", status.deadline_at);
  if (!status.error.IsNull()) {
    head.Put(R"(,"error":)");
    head.PutValue(status.error);
  }
  PutMembers(head, ",", status.extra);
  head.Put("}");
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
  Envelope envelope;
  ASYA_TRY_STATUS(ReadEnvelope(text, envelope));
  return envelope;
}

Status ReadEnvelope(std::string_view text, Envelope& envelope) {
  if (ScanEnvelope(text, envelope)) return Ok();
  envelope = Envelope();  // what was read before something was refused
  ASYA_TRY(const auto members, json::Split(text));
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
  return Ok();
}

std::string SerializeEnvelope(const Envelope& envelope) { return SerializeEnvelope(envelope, envelope.payload); }

std::string SerializeEnvelope(const Envelope& envelope, std::string_view payload) {
  std::string out;
  constexpr std::size_t kFrameBytes = 512;  // what the fields around the payload usually need
  out.reserve(payload.size() + kFrameBytes);
  Head head(out);
  head.Put(R"({"id":)");
  head.PutQuoted(envelope.id);
  PutText(head, R"(,"parent_id":)", envelope.parent_id);
  head.Put(R"(,"route":{"prev":)");
  PutNames(head, envelope.route.prev);
  head.Put(R"(,"curr":)");
  head.PutQuoted(envelope.route.curr);
  head.Put(R"(,"next":)");
  PutNames(head, envelope.route.next);
  head.Put(R"(},"headers":{)");
  PutMembers(head, "", envelope.headers);
  head.Put(R"(},"status":)");
  PutStatus(head, envelope.status);
  head.Put(R"(,"payload":)");
  head.Flush();
  out += payload;
  out += '}';
  return out;
}

Result<Frame> ParseFrame(std::string_view text) {
  json::Scan scan(text);
  scan.Space();
  Frame frame;
  if (ScanFrame(scan, frame) && scan.AtEnd()) return frame;
  frame = Frame();  // what was read before something was refused
  ASYA_TRY(const auto members, json::Split(text));
  bool has_payload = false;
  bool has_route = false;
  for (const json::Member& member : members) {
    if (member.key == "payload") {
      has_payload = true;
      frame.payload = member.value;
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
