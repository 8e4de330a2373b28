#include "server/remote_broker.h"

#include <chrono>
#include <map>
#include <vector>

#include "ports/field_text.h"
#include "transports/pubsub/administration.h"
#include "transports/pubsub/consumer.h"
#include "transports/pubsub/google_access.h"
#include "transports/rabbitmq/administration.h"
#include "transports/rabbitmq/consumer.h"
#include "transports/sqs/administration.h"
#include "transports/sqs/consumer.h"

namespace asya::server {
namespace {

namespace pubsub = transports::pubsub;
namespace rabbitmq = transports::rabbitmq;
namespace sqs = transports::sqs;
using Values = ports::Credentials::Values;
using Maker = Result<std::unique_ptr<RemoteBroker>> (*)(const json::Value& block, const Values& secret,
                                                        const Clock& clock);

// Of a queue that is about to be removed: nobody waits for the next message.
constexpr std::chrono::seconds kSqsPoll{1};

// A broker that takes no messages for now reads nothing at all from a connection that has published: its questions go
// over one of their own, so that actors still scale and work off what fills the broker.
class RabbitmqBroker final : public RemoteBroker {
 public:
  RabbitmqBroker(const rabbitmq::AdministrationSettings& settings, const Clock& clock)
      : settings_(settings), clock_(clock), questions_(settings, clock), publishing_(settings, clock) {
    questions_.Start();
    publishing_.Start();
  }
  ~RabbitmqBroker() override {
    publishing_.Stop();
    questions_.Stop();
  }
  ports::QueueAdmin& admin() override { return questions_; }
  ports::Publisher& publisher() override { return publishing_; }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return publishing_.MessageLimitBytes(); }
  [[nodiscard]] std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    rabbitmq::ConsumerSettings consumer;
    consumer.address = settings_.address;
    consumer.queue = queue;
    consumer.exchange = settings_.exchange;
    return std::make_unique<rabbitmq::Consumer>(consumer, clock_, Dice());
  }

 private:
  const rabbitmq::AdministrationSettings settings_;
  const Clock& clock_;
  rabbitmq::Administration questions_;
  rabbitmq::Administration publishing_;
};

Result<std::unique_ptr<RemoteBroker>> ConnectRabbitmq(const json::Value& block, const Values& secret,
                                                      const Clock& clock) {
  rabbitmq::AdministrationSettings settings;
  settings.address.tls = block.GetBool("tls").value_or(false);
  settings.address.host = ports::FieldText(block, "host", settings.address.host);
  settings.address.port = ports::FieldText(block, "port", settings.address.tls ? "5671" : "5672");
  settings.address.virtual_host = ports::FieldText(block, "virtualHost", settings.address.virtual_host);
  settings.exchange = ports::FieldText(block, "exchange", "");
  settings.management_url = ports::FieldText(block, "managementUrl", "");
  if (ports::FieldText(block, "queueType", "quorum") == "classic") settings.queue_type = rabbitmq::QueueType::kClassic;
  if (!secret.empty()) {
    settings.address.user = secret.at("ASYA_RABBITMQ_USERNAME");
    settings.address.password = secret.at("ASYA_RABBITMQ_PASSWORD");
  }
  return std::unique_ptr<RemoteBroker>(std::make_unique<RabbitmqBroker>(settings, clock));
}

Result<std::unique_ptr<RemoteBroker>> ConnectSqs(const json::Value& block, const Values& secret, const Clock& clock) {
  sqs::AdministrationSettings settings;
  settings.service.region = ports::FieldText(block, "region", "");
  settings.service.endpoint = ports::FieldText(block, "endpoint", "");
  settings.service.account_id = ports::FieldText(block, "accountId", "");
  if (const auto seconds = block.GetInt("visibilityTimeout")) settings.visibility = std::chrono::seconds(*seconds);
  if (const auto bytes = block.GetInt("maximumMessageBytes")) {
    settings.message_bytes_max = static_cast<std::size_t>(*bytes);
  }
  if (const json::Value* tags = block.Find("tags"); tags != nullptr && tags->IsObject()) {
    for (const auto& [name, value] : tags->AsObject()) settings.tags[name] = ports::FieldText(*tags, name.c_str(), "");
  }
  settings.service.credentials = aws::CredentialSettingsOfProcess(settings.service.region);
  if (!secret.empty()) {
    settings.service.credentials.keys = {secret.at("AWS_ACCESS_KEY_ID"), secret.at("AWS_SECRET_ACCESS_KEY"), ""};
  }
  auto consumers = [settings, &clock](const std::string& queue) -> std::unique_ptr<ports::MessageQueue> {
    sqs::ConsumerSettings consumer;
    consumer.service = settings.service;
    consumer.queue = queue;
    consumer.wait = kSqsPoll;
    consumer.visibility = settings.visibility;
    consumer.message_bytes_max = settings.message_bytes_max;
    return std::make_unique<sqs::Consumer>(consumer, clock, Dice());
  };
  return std::unique_ptr<RemoteBroker>(
      std::make_unique<RemoteBrokerOf<sqs::Administration>>(settings, clock, std::move(consumers)));
}

// The key of a service account, else whoever the machine is.
Result<std::shared_ptr<pubsub::Access>> PubsubAccess(const Values& secret, const Clock& clock) {
  pubsub::GoogleAccessSettings access;
  if (!secret.empty()) {
    access.key_json = secret.at("ASYA_PUBSUB_CREDENTIALS");
    ASYA_TRY_STATUS(pubsub::GoogleAccess::CheckKey(access.key_json));
  }
  return std::shared_ptr<pubsub::Access>(std::make_shared<pubsub::GoogleAccess>(access, clock, Dice()));
}

Result<std::unique_ptr<RemoteBroker>> ConnectPubsub(const json::Value& block, const Values& secret,
                                                    const Clock& clock) {
  pubsub::AdministrationSettings settings;
  ASYA_TRY(settings.address,
           pubsub::ParseEndpoint(ports::FieldText(block, "projectId", ""), ports::FieldText(block, "endpoint", "")));
  if (settings.address.tls) {
    ASYA_TRY(settings.access, PubsubAccess(secret, clock));
  }
  if (const json::Value* deadline = block.Find("ackDeadline"); deadline != nullptr && deadline->IsInt()) {
    settings.ack_deadline_s = static_cast<int>(deadline->AsInt());
  }
  const auto retention = ParseGoDuration(ports::FieldText(block, "retention", ""));
  if (retention) settings.retention_s = std::chrono::duration_cast<std::chrono::seconds>(*retention).count();
  auto consumers = [settings, &clock](const std::string& queue) -> std::unique_ptr<ports::MessageQueue> {
    pubsub::ConsumerSettings consumer;
    consumer.address = settings.address;
    consumer.ca_pem = settings.ca_pem;
    consumer.access = settings.access;
    consumer.queue = queue;
    return std::make_unique<pubsub::Consumer>(consumer, clock, Dice());
  };
  return std::unique_ptr<RemoteBroker>(
      std::make_unique<RemoteBrokerOf<pubsub::Administration>>(settings, clock, std::move(consumers)));
}

const std::map<std::string, Maker>& Makers() {
  static const std::map<std::string, Maker> makers = {
      {"postgres", ConnectPostgres}, {"pubsub", ConnectPubsub}, {"rabbitmq", ConnectRabbitmq}, {"sqs", ConnectSqs}};
  return makers;
}

std::string TextAt(const json::Value& value, std::initializer_list<std::string_view> path) {
  const json::Value* found = value.FindPath(path);
  return found != nullptr && found->IsString() ? found->AsString() : "";
}

}  // namespace

bool IsRemoteType(const std::string& type) { return Makers().contains(type); }

Result<std::unique_ptr<RemoteBroker>> ConnectRemote(const json::Value& transport, const Values& secret,
                                                    const Clock& clock) {
  const std::string type = TextAt(transport, {"spec", "type"});
  const auto maker = Makers().find(type);
  if (maker == Makers().end()) return Invalid("spec.type", "no broker of type " + type + " is reached by this server");
  const json::Value* block = transport.FindPath({"spec", type});
  return maker->second(block == nullptr ? json::Value(json::Object{}) : *block, secret, clock);
}

Random& Dice() {
  static Random random(SystemSeed());
  return random;
}

CredentialsReader FromFiles(cluster::local::ConfigSources sources) {
  return [sources = std::move(sources)](const json::Value& transport) -> Result<Values> {
    const json::Value* reference = ports::AdminCredentialsReference(transport);
    std::string name = reference == nullptr ? "" : reference->GetString("name").value_or("");
    // The relays' Secret stands under the name they read it by.
    if (name.empty() && ports::CredentialsReference(transport) != nullptr) {
      name = ports::PodCredentialsName(TextAt(transport, {"metadata", "name"}));
    }
    if (name.empty()) return Values{};
    std::vector<cluster::local::ConfigReference> references;
    for (const ports::CredentialKey& one : ports::CredentialKeys(TextAt(transport, {"spec", "type"}))) {
      references.push_back({cluster::local::ConfigReference::Kind::kSecret, name, one.key, one.variable, ""});
    }
    return cluster::local::ReadReferences(references, sources);
  };
}

}  // namespace asya::server
