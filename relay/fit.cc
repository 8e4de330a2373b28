#include "relay/fit.h"

#include <algorithm>
#include <cstdint>

#include "core/base/sha256.h"
#include "core/json/value.h"
#include "model/envelope.h"

namespace asya::relay {
namespace {

constexpr std::string_view kMark = "…";
constexpr std::size_t kMarkBytes = 8;  // of the mark, however JSON writes it

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// Each byte of a text takes at least one byte of JSON, so that what is too much may be counted in either.
void Cut(std::string& text, std::size_t too_much) {
  if (text.size() <= kMarkBytes) return;
  std::size_t keep = text.size() - std::min(text.size(), too_much + kMarkBytes);
  while (keep > 0 && IsContinuation(text[keep])) --keep;
  text.resize(keep);
  text += kMark;
}

// True once the envelope fits; `out` is what it is then.
bool CutError(model::Envelope& envelope, std::size_t limit_bytes, std::string& out) {
  out = SerializeEnvelope(envelope);
  for (const char* member : {"traceback", "message"}) {
    if (out.size() <= limit_bytes) return true;
    json::Value* text = envelope.status.error.IsNull() ? nullptr : envelope.status.error.Find(member);
    if (text == nullptr || !text->IsString()) continue;
    Cut(text->AsString(), out.size() - limit_bytes);
    out = SerializeEnvelope(envelope);
  }
  if (out.size() <= limit_bytes) return true;
  if (json::Value* bases = envelope.status.error.IsNull() ? nullptr : envelope.status.error.Find("mro")) {
    *bases = json::Array{};
    out = SerializeEnvelope(envelope);
  }
  return out.size() <= limit_bytes;
}

}  // namespace

std::string DroppedPayload(std::string_view payload) {
  return json::Dump(json::Object{{"x-asya-dropped", json::Object{{"bytes", static_cast<std::int64_t>(payload.size())},
                                                                 {"sha256", Sha256Hex(payload)}}}});
}

std::optional<std::string> FitError(std::string_view body, std::size_t limit_bytes) {
  auto envelope = model::ParseEnvelope(body);
  std::string out;
  if (!envelope.ok() || !CutError(*envelope, limit_bytes, out)) return std::nullopt;
  return out;
}

std::string FitFailure(std::string_view body, std::size_t limit_bytes) {
  const auto whole = model::ParseEnvelope(body);
  if (!whole.ok()) return std::string(body);
  std::string out;
  model::Envelope envelope = *whole;
  if (CutError(envelope, limit_bytes, out)) return out;
  // The payload is what does not fit: the error comes back, it has room now.
  envelope = *whole;
  envelope.payload = DroppedPayload(whole->payload);
  if (CutError(envelope, limit_bytes, out)) return out;
  envelope.headers.clear();
  CutError(envelope, limit_bytes, out);
  return out;
}

}  // namespace asya::relay
