#include <utility>

#include "bench/relay/backend.h"
#include "core/base/percent.h"
#include "model/envelope.h"
#include "transports/rabbitmq/administration.h"

namespace asya::bench {
namespace {

namespace rabbitmq = transports::rabbitmq;

std::string UrlOf(const rabbitmq::BrokerAddress& address) {
  return "amqp://" + address.user + ":" + address.password + "@" + address.host + ":" + address.port + "/" +
         PercentEncoded(address.virtual_host);
}

class RabbitmqBackend final : public Backend {
 public:
  RabbitmqBackend(const rabbitmq::AdministrationSettings& settings, std::string relay_url)
      : relay_url_(std::move(relay_url)), administration_(settings, RealClock()) {
    administration_.Start();
  }
  ~RabbitmqBackend() override {
    for (const char* actor : {kActor, kNextActor, "x-sink", "x-sump"}) {
      static_cast<void>(administration_.Remove(model::QueueName(kNamespace, actor), true));
    }
  }
  ports::QueueAdmin& admin() override { return administration_; }
  ports::Publisher& publisher() override { return administration_; }
  [[nodiscard]] std::string program() const override { return "asya-relay-rabbitmq"; }
  [[nodiscard]] std::map<std::string, std::string> environment() const override {
    return {{"ASYA_TRANSPORT", "rabbitmq"}, {"ASYA_RABBITMQ_URL", relay_url_}};
  }
  std::int64_t passed() override {
    const auto stats = administration_.Stats(model::QueueName(kNamespace, kNextActor));
    return stats.ok() ? stats->visible : 0;
  }

 private:
  const std::string relay_url_;
  rabbitmq::Administration administration_;
};

}  // namespace

OpenBackend OnRabbitmq(const std::string& url, QueueKind kind, const std::string& relay_port) {
  return [url, kind, relay_port](const std::string&) -> Result<std::unique_ptr<Backend>> {
    rabbitmq::AdministrationSettings settings;
    ASYA_TRY(settings.address, rabbitmq::ParseBrokerUrl(url));
    settings.queue_type = kind == QueueKind::kQuorum ? rabbitmq::QueueType::kQuorum : rabbitmq::QueueType::kClassic;
    rabbitmq::BrokerAddress relay = settings.address;
    if (!relay_port.empty()) relay.port = relay_port;
    return std::unique_ptr<Backend>(std::make_unique<RabbitmqBackend>(settings, UrlOf(relay)));
  };
}

}  // namespace asya::bench
