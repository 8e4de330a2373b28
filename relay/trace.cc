// The spans of a message that was settled (spec 05): what became of it, the call, the policy, the settlement.
#include <utility>

#include "relay/relay.h"

namespace asya::relay {

void Relay::Trace(const Job& job, WallTime settled_at) {
  if (parts_.spans == nullptr) return;
  const auto header = job.envelope.headers.find("traceparent");
  if (header == job.envelope.headers.end() || !header->second.IsString()) return;
  const auto context = otlp::ParseTraceparent(header->second.AsString());
  if (!context || !context->sampled) return;
  otlp::Span process;
  process.trace_id = context->trace_id;
  process.parent_span_id = context->span_id;
  process.span_id = otlp::NewSpanId();
  process.name = "actor.process";
  process.kind = otlp::SpanKind::kConsumer;
  process.start = job.received_at;
  process.end = settled_at;
  process.attributes = {{"asya.task", job.envelope.id},
                        {"asya.actor", settings_.actor},
                        {"asya.namespace", settings_.namespace_},
                        {"asya.attempt", std::to_string(AttemptHere(job.envelope, here_))},
                        {"asya.outcome", job.outcome}};
  process.error = job.error_type;
  const auto step = [&](const char* name, otlp::SpanKind kind, WallTime start, WallTime end) {
    otlp::Span span;
    span.trace_id = process.trace_id;
    span.parent_span_id = process.span_id;
    span.span_id = otlp::NewSpanId();
    span.name = name;
    span.kind = kind;
    span.start = start;
    span.end = end;
    return span;
  };
  if (job.called_at != WallTime{}) {
    otlp::Span call = step("actor.runtime.call", otlp::SpanKind::kClient, job.called_at, job.called_at + job.work);
    call.error = job.error_type;
    parts_.spans->Add(std::move(call));
  }
  if (!job.error_type.empty()) {
    otlp::Span policy =
        step("actor.resiliency.policy", otlp::SpanKind::kInternal, job.called_at + job.work, job.settled_from);
    policy.attributes = {{"asya.error_type", job.error_type}, {"asya.outcome", job.outcome}};
    parts_.spans->Add(std::move(policy));
  }
  otlp::Span send = step("actor.queue.send", otlp::SpanKind::kProducer, job.settled_from, settled_at);
  for (const ports::Outgoing& message : job.settlement->publish) {
    send.attributes.emplace_back("asya.queue", message.queue);
  }
  parts_.spans->Add(std::move(send));
  parts_.spans->Add(std::move(process));
}

}  // namespace asya::relay
