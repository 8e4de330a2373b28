#include "relay/span_sender.h"

#include <utility>

namespace asya::relay {
namespace {

constexpr std::chrono::milliseconds kPause{1000};  // spans wait at most this long for others
constexpr std::chrono::milliseconds kDeadline{10'000};

}  // namespace

SpanSender::SpanSender(Reactor& reactor, const Address& collector, otlp::Attributes resource, observe::Metrics& metrics,
                       const std::string& prefix, observe::Logger logger)
    : resource_(std::move(resource)),
      logger_(std::move(logger)),
      queue_(metrics, prefix),
      client_(reactor, collector),
      timer_(reactor),
      flush_timer_(reactor) {}

void SpanSender::Add(otlp::Span span) {
  queue_.Add(std::move(span));
  if (client_.busy()) return;
  if (queue_.size() >= otlp::kSpansBatchMax) {
    Send();
  } else if (!timer_.pending()) {
    timer_.After(kPause, [this] { Send(); });
  }
}

void SpanSender::Send() {
  timer_.Cancel();
  if (client_.busy()) return;
  if (queue_.size() == 0) {
    if (on_flushed_) std::exchange(on_flushed_, nullptr)();
    return;
  }
  const auto batch = queue_.Take();
  client_.Send("POST", "/v1/traces", ToJson(batch, resource_), kDeadline,
               [this, spans = batch.size()](const Result<HttpClient::Reply>& reply) { Sent(spans, reply); });
}

void SpanSender::Sent(std::size_t spans, const Result<HttpClient::Reply>& reply) {
  const bool taken = reply.ok() && reply->status / 100 == 2;
  if (taken) {
    queue_.Exported(spans);
  } else {
    queue_.Dropped(spans);
    const std::string why = reply.ok() ? "status " + std::to_string(reply->status) : reply.error().message;
    if (!told_) logger_.Warning("spans are dropped: the collector does not take them", {{"reason", why}});
  }
  told_ = !taken;
  // A collector that is away is not asked again at once, unless this ends.
  if (on_flushed_ || queue_.size() >= otlp::kSpansBatchMax) {
    timer_.After(std::chrono::milliseconds(0), [this] { Send(); });
  } else if (queue_.size() > 0) {
    timer_.After(kPause, [this] { Send(); });
  }
}

void SpanSender::Flush(std::chrono::milliseconds limit, std::function<void()> on_done) {
  on_flushed_ = std::move(on_done);
  flush_timer_.After(limit, [this] {
    if (on_flushed_) std::exchange(on_flushed_, nullptr)();
  });
  Send();
}

}  // namespace asya::relay
