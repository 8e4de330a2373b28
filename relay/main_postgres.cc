// asya-relay-postgres: the composition root of the relay on the PostgreSQL transport; asya-relay hands over to it.
#include <cstdio>

#include "relay/environment.h"
#include "relay/heap.h"
#include "relay/start.h"
#include "transports/postgres/consumer.h"

int main() {
  asya::relay::KeepHeapSmall();
  const asya::Clock& clock = asya::RealClock();
  const auto settings = asya::relay::SettingsOrReport();
  if (!settings) return asya::relay::kExitUsage;
  if (settings->transport != "postgres") {
    std::fprintf(stderr, "ASYA_TRANSPORT=%s: this is the relay for postgres\n", settings->transport.c_str());
    return asya::relay::kExitUsage;
  }
  asya::Random random(asya::SystemSeed());
  asya::transports::postgres::ConsumerSettings consumer;
  consumer.database.dsn = settings->postgres_url;
  consumer.database.application_name = "asya-relay";
  consumer.database.connections = 1;
  consumer.queue = asya::model::QueueName(settings->namespace_, settings->actor);
  // There is one relay at a time for a folder of sockets.
  consumer.owners_file = settings->socket_dir + "/postgres-owners";
  asya::transports::postgres::Consumer queue(consumer, clock, random);
  asya::observe::Metrics metrics;
  return asya::relay::RunUntilDrained(*settings, queue, metrics, clock);
}
