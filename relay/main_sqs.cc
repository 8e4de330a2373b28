// asya-relay-sqs: the composition root of the relay on the SQS transport; asya-relay hands over to it.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "relay/environment.h"
#include "relay/heap.h"
#include "relay/start.h"
#include "transports/sqs/consumer.h"

namespace {

namespace sqs = asya::transports::sqs;

// Every mistake is printed, each with the variable it is in.
std::optional<sqs::ServiceSettings> ServiceOf(const asya::relay::Settings& settings) {
  sqs::ServiceSettings service;
  bool right = true;
  service.region = settings.sqs_region;
  service.endpoint = settings.sqs_endpoint;
  service.account_id = settings.sqs_account;
  if (!service.endpoint.empty()) {
    if (const auto checked = sqs::CheckEndpoint(service.endpoint); !checked.ok()) {
      std::fprintf(stderr, "ASYA_SQS_ENDPOINT: %s\n", checked.error().message.c_str());
      right = false;
    }
  }
  if (!settings.sqs_ca_file.empty()) {
    std::ifstream file(settings.sqs_ca_file);
    service.ca_pem.assign(std::istreambuf_iterator<char>(file), {});
    if (service.ca_pem.empty()) {
      std::fprintf(stderr, "ASYA_SQS_CA_FILE: %s cannot be read\n", settings.sqs_ca_file.c_str());
      right = false;
    }
  }
  service.credentials = asya::aws::CredentialSettingsOfProcess(service.region);
  return right ? std::optional(service) : std::nullopt;
}

}  // namespace

int main() {
  asya::relay::KeepHeapSmall();
  const asya::Clock& clock = asya::RealClock();
  const auto settings = asya::relay::SettingsOrReport();
  if (!settings) return asya::relay::kExitUsage;
  if (settings->transport != "sqs") {
    std::fprintf(stderr, "ASYA_TRANSPORT=%s: this is the relay for sqs\n", settings->transport.c_str());
    return asya::relay::kExitUsage;
  }
  const auto service = ServiceOf(*settings);
  if (!service) return asya::relay::kExitUsage;
  asya::Random random(asya::SystemSeed());
  asya::observe::Metrics metrics;
  sqs::CallCounts counts(metrics, settings->metrics_namespace);
  sqs::ConsumerSettings consumer;
  consumer.service = *service;
  consumer.queue = asya::model::QueueName(settings->namespace_, settings->actor);
  consumer.wait = std::chrono::seconds(settings->sqs_wait_s);
  consumer.visibility = std::chrono::seconds(settings->sqs_visibility_s);
  consumer.message_bytes_max = static_cast<std::size_t>(settings->sqs_message_bytes);
  sqs::Consumer queue(consumer, clock, random, &counts);
  return asya::relay::RunUntilDrained(*settings, queue, metrics, clock);
}
