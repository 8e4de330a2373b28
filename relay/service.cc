#include "relay/service.h"

#include <utility>

#include "core/json/value.h"
#include "relay/end_handler.h"
#include "relay/model_server.h"
#include "relay/runtime_peer.h"

namespace asya::relay {
namespace {

constexpr std::chrono::milliseconds kTellPause{20};       // between two messages to the supervising process
constexpr std::chrono::milliseconds kUnheardPause{2000};  // before it is told again, when nobody listened
constexpr std::chrono::milliseconds kFlushLimit{2000};    // for the last progress reports
constexpr std::chrono::milliseconds kLostGrace{100};      // for the queue, when the supervising process is gone

std::vector<MetricDeclaration> Declared(const Settings& settings) {
  std::vector<Error> problems;  // reported when the environment was read
  return ParseMetricDeclarations(settings.custom_metrics, problems);
}

std::unique_ptr<Reporter> MakeReporter(Reactor& reactor, const Settings& settings, Random& random,
                                       const observe::Logger& logger, observe::Metrics& metrics) {
  if (!settings.gateway) return nullptr;
  return std::make_unique<Reporter>(reactor, *settings.gateway, settings.namespace_, ReporterLimits{}, random, logger,
                                    metrics, settings.metrics_namespace);
}

// Only of a pod, known by its token, is anything to be told.
std::unique_ptr<LoadTeller> MakeLoad(Reactor& reactor, const Settings& settings, Reporter* reporter) {
  if (reporter == nullptr || settings.gateway->token_file.empty()) return nullptr;
  return std::make_unique<LoadTeller>(reactor, [reporter](std::size_t in_flight) { reporter->Load(in_flight); });
}

std::unique_ptr<SpanSender> MakeSpans(Reactor& reactor, const Settings& settings, observe::Metrics& metrics,
                                      const observe::Logger& logger) {
  if (!settings.collector) return nullptr;
  otlp::Attributes resource{{"service.name", settings.actor}, {"service.namespace", settings.namespace_}};
  return std::make_unique<SpanSender>(reactor, *settings.collector, std::move(resource), metrics,
                                      settings.metrics_namespace, logger);
}

std::unique_ptr<Callee> MakeCallee(Reactor& reactor, const Settings& settings, const Clock& clock, Random& random) {
  if (settings.end_rules) return std::make_unique<EndHandler>(reactor, *settings.end_rules);
  if (!settings.endpoint) return std::make_unique<RuntimePeer>(reactor, settings.socket_dir, ReplyLimits{}, random);
  return std::make_unique<ModelServer>(reactor, *settings.endpoint, ReplyLimits{}, ModelServerLimits{}, clock, random);
}

RelayLimits LimitsFor(const Settings& settings, RelayLimits limits) {
  // Nobody kills a model server because of one call that took too long.
  if (settings.endpoint) limits.kill_grace = limits.kill_window = std::chrono::milliseconds(0);
  return limits;
}

Address SocketIn(const Settings& settings, const char* name) {
  Address address;
  address.path = settings.socket_dir + "/" + name;
  return address;
}

}  // namespace

Service::Service(const Settings& settings, const RelayLimits& limits, ports::MessageQueue& queue,
                 observe::Metrics& metrics, const Clock& clock, observe::Logger logger)
    : settings_(settings),
      queue_(queue),
      metrics_(metrics),
      logger_(std::move(logger)),
      random_(SystemSeed()),
      relay_metrics_(metrics, settings.metrics_namespace, model::QueueName(settings.namespace_, settings.actor),
                     settings.transport),
      handler_metrics_(metrics, settings.metrics_namespace, Declared(settings)),
      callee_(MakeCallee(reactor_, settings, clock, random_)),
      reporter_(MakeReporter(reactor_, settings, random_, logger_, metrics)),
      live_(MakeReporter(reactor_, settings, random_, logger_, metrics)),
      cancellations_(settings.gateway ? std::make_unique<CancelFeed>(reactor_, *settings.gateway, random_) : nullptr),
      spans_(MakeSpans(reactor_, settings, metrics, logger_)),
      relay_(settings, LimitsFor(settings, limits),
             {reactor_, queue, *callee_, reporter_.get(), live_.get(), cancellations_.get(), spans_.get(),
              handler_metrics_, relay_metrics_, clock, random_, logger_},
             clock.Now()),
      rest_(reactor_),
      crossing_(reactor_, relay_,
                [this] {
                  relay_.Pump();
                  rest_.Worked();
                }),
      notifier_(settings.notify_socket),
      load_(MakeLoad(reactor_, settings, reporter_.get())),
      tell_timer_(reactor_),
      unheard_timer_(reactor_),
      ready_timer_(reactor_) {
  relay_.OnChange([this] {
    if (!tell_timer_.pending()) Tell();
  });
}

Status Service::Open() {
  ASYA_TRY(metrics_server_,
           HttpServer::Open(reactor_, settings_.metrics,
                            [this](const std::string& method, const std::string& target,
                                   const HttpServer::Respond& respond) { AnswerMetrics(method, target, respond); }));
  ASYA_TRY(local_server_,
           HttpServer::Open(reactor_, SocketIn(settings_, "relay.sock"),
                            [this](const std::string& method, const std::string& target,
                                   const HttpServer::Respond& respond) { AnswerLocal(method, target, respond); }));
  return Ok();
}

void Service::Run() {
  queue_.Start(crossing_);
  callee_->Start([this](const RuntimeState& state) { relay_.RuntimeChanged(state); });
  if (cancellations_) cancellations_->Start();
  if (load_) load_->Start();
  ready_timer_.After(settings_.runtime_ready_timeout, [this] {
    if (callee_->state().kind != RuntimeState::Kind::kReady) {
      logger_.Error("the runtime did not become ready in time; waiting on", {{"reason", callee_->state().text}});
    }
  });
  if (settings_.control_fd) {
    reactor_.OnEndOf(*settings_.control_fd, [this] {
      queue_.Stop(kLostGrace);
      reactor_.Stop();
    });
  }
  reactor_.Run();
}

void Service::HandleSignals() {
  reactor_.OnTermination([this] { Drain(); });
}

void Service::Shutdown() {
  reactor_.Post([this] { Drain(); });
}

void Service::Drain() {
  if (std::exchange(ending_, true)) {
    logger_.Warning("ending at once", {{"in_flight", relay_.in_flight()}});
    relay_.GiveUp();
    End();
    return;
  }
  relay_.Drain([this] {
    const auto last_spans = [this] {
      if (spans_) {
        spans_->Flush(kFlushLimit, [this] { End(); });
      } else {
        End();
      }
    };
    if (!reporter_) return last_spans();
    live_->Flush(kFlushLimit, [this, last_spans] { reporter_->Flush(kFlushLimit, last_spans); });
  });
}

void Service::End() {
  queue_.Stop(std::chrono::duration_cast<std::chrono::milliseconds>(settings_.drain_grace));
  reactor_.Stop();
}

void Service::Tell() {
  const auto readiness = relay_.readiness();
  notifier_.Ready(readiness.ready, readiness.reason, readiness.failed);
  notifier_.InFlight(relay_.in_flight());
  if (load_) load_->Changed(relay_.in_flight());
  // More of the same follows at once under load; the last state is what counts.
  tell_timer_.After(kTellPause, [this, told = relay_.in_flight(), ready = readiness.ready, why = readiness.reason] {
    const auto now = relay_.readiness();
    if (notifier_.behind() || told != relay_.in_flight() || ready != now.ready || why != now.reason) {
      Tell();
    } else if (notifier_.unheard()) {
      unheard_timer_.After(kUnheardPause, [this] {
        if (!tell_timer_.pending()) Tell();
      });
    }
  });
}

void Service::AnswerMetrics(const std::string& method, const std::string& target, const HttpServer::Respond& respond) {
  if (method != "GET") {
    respond({405, "text/plain", "GET is accepted\n"});
  } else if (target == "/metrics") {
    respond({200, "text/plain; version=0.0.4", metrics_.Text()});
  } else if (target == "/healthz" || target == "/health") {
    respond({200, "application/json", R"({"status":"ok"})"});
  } else if (target == "/readyz") {
    const auto readiness = relay_.readiness();
    const json::Object body{{"status", readiness.ready ? "ready" : "not ready"}, {"reason", readiness.reason}};
    respond({readiness.ready ? 200 : 503, "application/json", json::Dump(body)});
  } else {
    respond({404, "text/plain", "/metrics, /healthz and /readyz are served\n"});
  }
}

void Service::AnswerLocal(const std::string& method, const std::string& target, const HttpServer::Respond& respond) {
  if (method != "POST" || target != "/drain") {
    respond({404, "text/plain", "POST /drain is served\n"});
    return;
  }
  relay_.Drain([respond] { respond({200, "application/json", R"({"status":"idle"})"}); });
}

}  // namespace asya::relay
