#include "gateway/gateway_metrics.h"

#include <memory>

namespace asya::gateway {

GatewayMetrics::GatewayMetrics(observe::Metrics& registry) {
  const auto reported = [&](ports::TaskStatus status) {
    return registry.MakeCounter("asya_gateway_reports_total",
                                "Reports of relays on tasks, by the status told; what is told again counts again.",
                                {{"status", ports::TaskStatusName(status)}});
  };
  series_ = std::make_shared<const Series>(Series{
      registry.MakeCounter("asya_gateway_tasks_created_total", "Tasks created."),
      {reported(ports::TaskStatus::kPending), reported(ports::TaskStatus::kRunning),
       reported(ports::TaskStatus::kPaused), reported(ports::TaskStatus::kSucceeded),
       reported(ports::TaskStatus::kFailed), reported(ports::TaskStatus::kCanceled)},
      registry.MakeCounter("asya_gateway_dead_letters_total", "Dead letters taken."),
      registry.MakeGauge("asya_gateway_event_streams", "Clients that follow a task's events."),
      registry.MakeCounter("asya_gateway_fly_dropped_total", "Live events dropped for clients that read too slowly."),
      registry.MakeCounter("asya_gateway_listeners_refused_total",
                           "Long polls and streams refused because too many wait.")});
}

void GatewayMetrics::Created() const {
  if (series_) series_->created.Add();
}

void GatewayMetrics::Reported(ports::TaskStatus status) const {
  if (series_) series_->reported.at(static_cast<std::size_t>(status)).Add();
}

void GatewayMetrics::DeadLetters(std::size_t count) const {
  if (series_) series_->dead_letters.Add(static_cast<double>(count));
}

void GatewayMetrics::StreamOpened() const {
  if (series_) series_->streams.Add(1);
}

void GatewayMetrics::StreamEnded() const {
  if (series_) series_->streams.Add(-1);
}

void GatewayMetrics::FlyDropped() const {
  if (series_) series_->fly_dropped.Add();
}

void GatewayMetrics::ListenerRefused() const {
  if (series_) series_->listeners_refused.Add();
}

}  // namespace asya::gateway
