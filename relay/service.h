// Service: a whole relay around a message queue: parts, sockets, and the order in which they start and stop.
#pragma once

#include <functional>
#include <memory>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/message_queue.h"
#include "relay/callee.h"
#include "relay/cancel_feed.h"
#include "relay/crossing.h"
#include "relay/handler_metrics.h"
#include "relay/http_server.h"
#include "relay/load_teller.h"
#include "relay/notifier.h"
#include "relay/relay.h"
#include "relay/relay_metrics.h"
#include "relay/reporter.h"
#include "relay/rest.h"
#include "relay/settings.h"
#include "relay/span_sender.h"

namespace asya::relay {

class Service {
 public:
  Service(const Settings& settings, const RelayLimits& limits, ports::MessageQueue& queue, observe::Metrics& metrics,
          const Clock& clock, observe::Logger logger);

  // Opens its sockets. An error (busy port, missing folder) names the address.
  Status Open();
  // Serves on this thread until it has drained after a signal, Shutdown(), or the end of the control descriptor.
  void Run();
  // Drains and ends Run(); from any thread.
  void Shutdown();
  // SIGTERM and SIGINT drain; a second one gives back what still runs and ends at once.
  void HandleSignals();
  // Before Run(): called on its thread when the queue has had nothing to tell for a moment.
  void OnRest(std::function<void()> on_rest) { rest_.OnRest(std::move(on_rest)); }
  [[nodiscard]] int metrics_port() const { return metrics_server_->port(); }

 private:
  void Drain();
  void End();
  void Tell();
  void AnswerMetrics(const std::string& method, const std::string& target, const HttpServer::Respond& respond);
  void AnswerLocal(const std::string& method, const std::string& target, const HttpServer::Respond& respond);

  Settings settings_;
  ports::MessageQueue& queue_;
  observe::Metrics& metrics_;
  observe::Logger logger_;
  Random random_;
  Reactor reactor_;
  RelayMetrics relay_metrics_;
  HandlerMetrics handler_metrics_;
  std::unique_ptr<Callee> callee_;
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<Reporter> live_;  // over its own connection: FLY waits for no report that is being stored
  std::unique_ptr<CancelFeed> cancellations_;
  std::unique_ptr<SpanSender> spans_;
  Relay relay_;
  Rest rest_;
  Crossing crossing_;
  Notifier notifier_;
  std::unique_ptr<LoadTeller> load_;  // null where the gateway does not know whose pod this is
  Timer tell_timer_;
  Timer unheard_timer_;
  Timer ready_timer_;
  std::unique_ptr<HttpServer> metrics_server_;
  std::unique_ptr<HttpServer> local_server_;
  bool ending_ = false;
};

}  // namespace asya::relay
