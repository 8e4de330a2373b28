// asya-relay-rabbitmq: the composition root of the relay on the RabbitMQ transport; asya-relay hands over to it.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "relay/environment.h"
#include "relay/heap.h"
#include "relay/start.h"
#include "transports/rabbitmq/consumer.h"

namespace {

using asya::transports::rabbitmq::BrokerAddress;

void Replace(std::string& value, const std::string& given) {
  if (!given.empty()) value = given;
}

// Every mistake is printed, each with the variable it is in.
std::optional<BrokerAddress> AddressOf(const asya::relay::Settings& settings) {
  BrokerAddress address;
  if (!settings.rabbitmq_url.empty()) {
    auto parsed = asya::transports::rabbitmq::ParseBrokerUrl(settings.rabbitmq_url);
    if (!parsed.ok()) {
      std::fprintf(stderr, "ASYA_RABBITMQ_URL: %s\n", parsed.error().message.c_str());
      return std::nullopt;
    }
    address = std::move(parsed).value();
  }
  if (settings.rabbitmq_tls && !address.tls) {
    address.tls = true;
    if (settings.rabbitmq_url.empty()) address.port = "5671";
  }
  Replace(address.host, settings.rabbitmq_host);
  Replace(address.port, settings.rabbitmq_port);
  Replace(address.user, settings.rabbitmq_username);
  Replace(address.password, settings.rabbitmq_password);
  Replace(address.virtual_host, settings.rabbitmq_virtual_host);
  if (!settings.rabbitmq_ca_file.empty()) {
    std::ifstream file(settings.rabbitmq_ca_file);
    address.ca_pem.assign(std::istreambuf_iterator<char>(file), {});
    if (address.ca_pem.empty()) {
      std::fprintf(stderr, "ASYA_RABBITMQ_CA_FILE: %s cannot be read\n", settings.rabbitmq_ca_file.c_str());
      return std::nullopt;
    }
  }
  return address;
}

}  // namespace

int main() {
  asya::relay::KeepHeapWarm();
  const asya::Clock& clock = asya::RealClock();
  const auto settings = asya::relay::SettingsOrReport();
  if (!settings) return asya::relay::kExitUsage;
  if (settings->transport != "rabbitmq") {
    std::fprintf(stderr, "ASYA_TRANSPORT=%s: this is the relay for rabbitmq\n", settings->transport.c_str());
    return asya::relay::kExitUsage;
  }
  const auto address = AddressOf(*settings);
  if (!address) return asya::relay::kExitUsage;
  asya::Random random(asya::SystemSeed());
  asya::transports::rabbitmq::ConsumerSettings consumer;
  consumer.address = *address;
  consumer.queue = asya::model::QueueName(settings->namespace_, settings->actor);
  consumer.exchange = settings->rabbitmq_exchange;
  consumer.held_max = static_cast<std::size_t>(settings->rabbitmq_prefetch);
  consumer.on_unbound = [logger = asya::relay::LoggerOf(*settings), name = consumer.queue](const std::string& reason) {
    logger.Warning("the queue may not be bound to asya.due: its retries come back only if the server has bound it",
                   {{"queue", name}, {"reason", reason}});
  };
  asya::transports::rabbitmq::Consumer queue(consumer, clock, random);
  asya::observe::Metrics metrics;
  return asya::relay::RunUntilDrained(*settings, queue, metrics, clock, asya::relay::ShrinkHeap);
}
