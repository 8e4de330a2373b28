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

std::string ActorText(const std::vector<scaling::ReplicaScaler::Count>& actors) {
  Gauges replicas("asya_scaler_replicas", "Replicas of an actor that has or should have some.");
  Gauges messages("asya_scaler_messages", "Messages of an actor's queue, by their state, at the scaler's last look.");
  for (const auto& actor : actors) {
    const auto add = [&](Gauges& gauges, const char* label, const char* value, std::int64_t count) {
      gauges.Add({{"namespace", actor.namespace_}, {"actor", actor.actor}, {label, value}}, static_cast<double>(count));
    };
    add(replicas, "kind", "desired", actor.desired);
    add(replicas, "kind", "current", actor.current);
    add(messages, "state", "visible", actor.messages.visible);
    add(messages, "state", "delayed", actor.messages.delayed);
    add(messages, "state", "in_flight", actor.messages.in_flight);
  }
  return replicas.text() + messages.text();
}

}  // namespace

std::string MetricsPage(const observe::Metrics& metrics, Backend& backend, const scaling::ReplicaScaler& scaler) {
  return metrics.Text() + QueueText(backend) + ActorText(scaler.Counts(kMetricsActorsMax));
}

std::string MetricsPage(const observe::Metrics& metrics, const Controllers* controllers) {
  if (controllers == nullptr) return metrics.Text();
  return metrics.Text() + ActorText(controllers->Counts(kMetricsActorsMax));
}

}  // namespace asya::server
