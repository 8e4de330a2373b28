// asya-relay-pubsub: the composition root of the relay on the Google Pub/Sub transport; asya-relay hands over to it.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "core/observe/metrics.h"
#include "relay/environment.h"
#include "relay/heap.h"
#include "relay/start.h"
#include "transports/pubsub/consumer.h"
#include "transports/pubsub/google_access.h"

namespace {

namespace pubsub = asya::transports::pubsub;

// Nobody asks an emulator's callers who they are. Null after the mistake was printed.
std::shared_ptr<pubsub::Access> AccessOf(const asya::relay::Settings& settings, bool is_google, asya::Random& random) {
  if (!is_google) return std::make_shared<pubsub::NoAccess>();
  pubsub::GoogleAccessSettings access;
  if (!settings.pubsub_metadata_host.empty()) access.metadata_host = settings.pubsub_metadata_host;
  if (!settings.pubsub_credentials_file.empty()) {
    std::ifstream file(settings.pubsub_credentials_file);
    access.key_json.assign(std::istreambuf_iterator<char>(file), {});
    const asya::Status good = pubsub::GoogleAccess::CheckKey(access.key_json);
    if (!good.ok()) {
      std::fprintf(stderr, "GOOGLE_APPLICATION_CREDENTIALS: %s %s\n", good.error().field.c_str(),
                   good.error().message.c_str());
      return nullptr;
    }
  }
  return std::make_shared<pubsub::GoogleAccess>(access, asya::RealClock(), random);
}

}  // namespace

int main() {
  asya::relay::KeepHeapSmall();
  const asya::Clock& clock = asya::RealClock();
  const auto settings = asya::relay::SettingsOrReport();
  if (!settings) return asya::relay::kExitUsage;
  if (settings->transport != "pubsub") {
    std::fprintf(stderr, "ASYA_TRANSPORT=%s: this is the relay for pubsub\n", settings->transport.c_str());
    return asya::relay::kExitUsage;
  }
  const auto address = pubsub::ParseEndpoint(settings->pubsub_project, settings->pubsub_endpoint);
  if (!address.ok()) {
    std::fprintf(stderr, "ASYA_PUBSUB_ENDPOINT: %s\n", address.error().message.c_str());
    return asya::relay::kExitUsage;
  }
  asya::Random random(asya::SystemSeed());
  pubsub::ConsumerSettings consumer;
  consumer.access = AccessOf(*settings, address->tls, random);
  if (consumer.access == nullptr) return asya::relay::kExitUsage;
  consumer.address = *address;
  consumer.queue = asya::model::QueueName(settings->namespace_, settings->actor);
  pubsub::Consumer queue(consumer, clock, random);
  asya::observe::Metrics metrics;
  return asya::relay::RunUntilDrained(*settings, queue, metrics, clock);
}
