#include "server/metrics_page.h"

#include <utility>
#include <vector>

#include "core/json/value.h"

namespace asya::server {
namespace {

// One family of gauges, as text.
class Gauges {
 public:
  Gauges(const std::string& name, const char* help)
      : name_(name), text_("# HELP " + name + " " + help + "\n# TYPE " + name + " gauge\n") {}

  // Names and queues hold nothing that has to be escaped in another way than JSON does.
  void Add(const std::vector<std::pair<const char*, std::string>>& labels, double value) {
    text_ += name_ + "{";
    for (std::size_t i = 0; i < labels.size(); ++i) {
      text_ += (i == 0 ? "" : ",") + std::string(labels[i].first) + "=" + json::Quote(labels[i].second);
    }
    text_ += "} " + std::to_string(value) + "\n";
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string name_;
  std::string text_;
};

std::string QueueText(Backend& backend) {
  const auto queues = backend.AllStats(kMetricsQueuesMax);
  if (!queues.ok()) return "";
  Gauges messages("asya_queue_messages", "Messages of a queue, by their state.");
  Gauges ages("asya_queue_oldest_message_age_seconds", "Age of the oldest message that waits.");
  for (const auto& [queue, stats] : *queues) {
    messages.Add({{"queue", queue}, {"state", "visible"}}, static_cast<double>(stats.visible));
    messages.Add({{"queue", queue}, {"state", "delayed"}}, static_cast<double>(stats.delayed));
    messages.Add({{"queue", queue}, {"state", "in_flight"}}, static_cast<double>(stats.in_flight));
    ages.Add({{"queue", queue}}, static_cast<double>(stats.oldest_age.count()) / 1e6);
  }
  return messages.text() + ages.text();
}

std::string ReplicaText(const scaling::ReplicaScaler& scaler) {
  Gauges replicas("asya_scaler_replicas", "Replicas of an actor that has or should have some.");
  for (const auto& count : scaler.Counts(kMetricsActorsMax)) {
    replicas.Add({{"namespace", count.namespace_}, {"actor", count.actor}, {"kind", "desired"}},
                 static_cast<double>(count.desired));
    replicas.Add({{"namespace", count.namespace_}, {"actor", count.actor}, {"kind", "current"}},
                 static_cast<double>(count.current));
  }
  return replicas.text();
}

}  // namespace

std::string MetricsPage(const observe::Metrics& metrics, Backend& backend, const scaling::ReplicaScaler& scaler) {
  return metrics.Text() + QueueText(backend) + ReplicaText(scaler);
}

}  // namespace asya::server
