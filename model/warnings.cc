#include "model/warnings.h"

#include <string_view>

namespace asya::model {
namespace {

// Of KEDA 2.20.2, each between blanks.
constexpr std::string_view kTriggerTypes =
    " activemq apache-kafka arangodb artemis-queue aws-cloudwatch aws-dynamodb aws-dynamodb-streams"
    " aws-kinesis-stream aws-sqs-queue azure-app-insights azure-blob azure-data-explorer azure-eventhub"
    " azure-log-analytics azure-monitor azure-pipelines azure-queue azure-servicebus beanstalkd cassandra couchdb"
    " cpu cron datadog dynatrace elastic-forecast elasticsearch etcd external external-mock external-push"
    " forgejo-runner gcp-cloudtasks gcp-pubsub gcp-stackdriver gcp-storage github-runner graphite huawei-cloudeye"
    " ibmmq influxdb kafka kubernetes-resource kubernetes-workload liiklus loki memory metrics-api mongodb mssql"
    " mysql nats-jetstream new-relic nsq opensearch openstack-metric openstack-swift postgresql predictkube"
    " prometheus pulsar rabbitmq redis redis-cluster redis-cluster-streams redis-sentinel redis-sentinel-streams"
    " redis-streams selenium-grid solace-direct-messaging solace-event-queue solarwinds solr splunk"
    " splunk-observability sumologic temporal ";

void WarnOfTracing(const json::Value& spec, std::vector<std::string>& warnings) {
  const json::Value* protocol = spec.FindPath({"tracing", "protocol"});
  if (protocol == nullptr || !protocol->IsString() || protocol->AsString() != "grpc") return;
  warnings.emplace_back("spec.tracing.protocol: grpc is not spoken yet, so no spans are sent; http is the default");
}

void WarnOfState(const json::Value& spec, std::vector<std::string>& warnings) {
  const json::Value* states = spec.FindPath({"stateProxy"});
  if (states == nullptr || !states->IsArray() || states->AsArray().empty()) return;
  warnings.emplace_back("spec.stateProxy: it is not served yet, and nothing is made of an actor that has it");
}

// No refusal: a newer KEDA may know it.
void WarnOfTriggers(const json::Value& spec, std::vector<std::string>& warnings) {
  const json::Value* triggers = spec.FindPath({"scaling", "additionalTriggers"});
  if (triggers == nullptr || !triggers->IsArray()) return;
  for (std::size_t i = 0; i < triggers->AsArray().size(); ++i) {
    const auto type = triggers->AsArray()[i].GetString("type");
    if (!type || kTriggerTypes.find(" " + *type + " ") != std::string_view::npos) continue;
    warnings.push_back("spec.scaling.additionalTriggers[" + std::to_string(i) + "].type: KEDA 2.20 knows no trigger " +
                       json::Quote(*type) +
                       "; where a newer one does not either, it scales by none of the actor's triggers");
  }
}

}  // namespace

std::vector<std::string> WarningsOf(const json::Value& spec) {
  std::vector<std::string> warnings;
  WarnOfTracing(spec, warnings);
  WarnOfState(spec, warnings);
  WarnOfTriggers(spec, warnings);
  return warnings;
}

}  // namespace asya::model
