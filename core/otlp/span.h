// Span: one timed step of a trace, the W3C context that joins steps, and their form in OTLP/JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"

namespace asya::otlp {

// https://www.w3.org/TR/trace-context/: "00-{32 hex}-{16 hex}-{2 hex}".
struct TraceContext {
  std::string trace_id;
  std::string span_id;
  bool sampled = true;
};

// nullopt for what is not of that form, or all zero.
std::optional<TraceContext> ParseTraceparent(std::string_view text);
std::string FormatTraceparent(const TraceContext& context);
std::string NewTraceId();
std::string NewSpanId();

// As numbered by OTLP.
enum class SpanKind { kInternal = 1, kServer = 2, kClient = 3, kProducer = 4, kConsumer = 5 };

using Attributes = std::vector<std::pair<std::string, std::string>>;

struct Span {
  std::string trace_id;
  std::string span_id;
  std::string parent_span_id;  // empty: the root
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  WallTime start{};
  WallTime end{};
  Attributes attributes;
  std::string error;  // why it failed; empty: it did not
};

// The body of a POST to /v1/traces: ExportTraceServiceRequest as JSON. `resource` names the process.
std::string ToJson(const std::vector<Span>& spans, const Attributes& resource);

}  // namespace asya::otlp
