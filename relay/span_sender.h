// SpanSender: sends the spans of a relay to a collector by OTLP/HTTP with JSON; on the reactor's thread.
#pragma once

#include <chrono>

#include "core/observe/log.h"
#include "core/otlp/span_queue.h"
#include "relay/http_client.h"

namespace asya::relay {

class SpanSender {
 public:
  // `resource` names the process. `prefix`: of the metrics.
  SpanSender(Reactor& reactor, const Address& collector, otlp::Attributes resource, observe::Metrics& metrics,
             const std::string& prefix, observe::Logger logger);
  void Add(otlp::Span span);
  // Calls `on_done` once nothing waits, or after `limit`.
  void Flush(std::chrono::milliseconds limit, std::function<void()> on_done);

 private:
  void Send();
  void Sent(std::size_t spans, const Result<HttpClient::Reply>& reply);

  const otlp::Attributes resource_;
  const observe::Logger logger_;
  otlp::SpanQueue queue_;
  HttpClient client_;
  Timer timer_;
  Timer flush_timer_;
  std::function<void()> on_flushed_;
  bool told_ = false;  // that the collector does not take them
};

}  // namespace asya::relay
