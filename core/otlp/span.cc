#include "core/otlp/span.h"

#include <algorithm>

#include "core/base/random.h"
#include "core/json/value.h"

namespace asya::otlp {
namespace {

constexpr std::size_t kTraceIdDigits = 32;
constexpr std::size_t kSpanIdDigits = 16;
constexpr std::size_t kTraceparentBytes = 55;
constexpr int kStatusError = 2;  // STATUS_CODE_ERROR

bool IsId(std::string_view text) {
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return std::all_of(text.begin(), text.end(), hex) && text.find_first_not_of('0') != std::string_view::npos;
}

std::string Nanoseconds(WallTime time) { return std::to_string(time.time_since_epoch().count() * 1000); }

json::Value Encoded(const Attributes& attributes) {
  json::Array list;
  for (const auto& [key, value] : attributes) {
    list.push_back(json::Object{{"key", key}, {"value", json::Object{{"stringValue", value}}}});
  }
  return list;
}

json::Value Encoded(const Span& span) {
  json::Object object{{"traceId", span.trace_id},
                      {"spanId", span.span_id},
                      {"name", span.name},
                      {"kind", static_cast<int>(span.kind)},
                      {"startTimeUnixNano", Nanoseconds(span.start)},
                      {"endTimeUnixNano", Nanoseconds(span.end)},
                      {"attributes", Encoded(span.attributes)}};
  if (!span.parent_span_id.empty()) object["parentSpanId"] = span.parent_span_id;
  if (!span.error.empty()) object["status"] = json::Object{{"code", kStatusError}, {"message", span.error}};
  return object;
}

}  // namespace

std::optional<TraceContext> ParseTraceparent(std::string_view text) {
  constexpr std::size_t kSpanAt = 3 + kTraceIdDigits + 1;
  constexpr std::size_t kFlagsAt = kSpanAt + kSpanIdDigits + 1;
  if (text.size() != kTraceparentBytes || text.substr(0, 3) != "00-") return std::nullopt;
  if (text[kSpanAt - 1] != '-' || text[kFlagsAt - 1] != '-') return std::nullopt;
  TraceContext context;
  context.trace_id = text.substr(3, kTraceIdDigits);
  context.span_id = text.substr(kSpanAt, kSpanIdDigits);
  if (!IsId(context.trace_id) || !IsId(context.span_id)) return std::nullopt;
  const char last = text.back();
  const int digit = last >= 'a' ? last - 'a' + 10 : last - '0';
  context.sampled = digit % 2 == 1;
  return context;
}

std::string FormatTraceparent(const TraceContext& context) {
  return "00-" + context.trace_id + "-" + context.span_id + (context.sampled ? "-01" : "-00");
}

std::string NewTraceId() { return RandomHex(kTraceIdDigits / 2); }

std::string NewSpanId() { return RandomHex(kSpanIdDigits / 2); }

std::string ToJson(const std::vector<Span>& spans, const Attributes& resource) {
  json::Array encoded;
  for (const Span& span : spans) encoded.push_back(Encoded(span));
  const json::Object scope{{"scope", json::Object{{"name", "asya"}}}, {"spans", std::move(encoded)}};
  const json::Object whole{{"resource", json::Object{{"attributes", Encoded(resource)}}},
                           {"scopeSpans", json::Array{scope}}};
  return json::Dump(json::Object{{"resourceSpans", json::Array{whole}}});
}

}  // namespace asya::otlp
