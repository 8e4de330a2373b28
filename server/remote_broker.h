// RemoteBroker: a broker that this server reaches over the network, connected for as long as this lives.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "cluster/local/config_values.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/json/value.h"
#include "ports/credentials.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"

namespace asya::server {

class RemoteBroker {
 public:
  virtual ~RemoteBroker() = default;
  virtual ports::QueueAdmin& admin() = 0;
  virtual ports::Publisher& publisher() = 0;
  // The largest body that its queues take, as far as the Transport says.
  [[nodiscard]] virtual std::size_t MessageLimitBytes() const = 0;
  // Of one of its queues, on connections of its own.
  [[nodiscard]] virtual std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) = 0;
};

// By an Administration of a transport, which has Start() and Stop().
template <class Administration>
class RemoteBrokerOf final : public RemoteBroker {
 public:
  using ConsumerMaker = std::function<std::unique_ptr<ports::MessageQueue>(const std::string& queue)>;
  template <class Settings>
  RemoteBrokerOf(const Settings& settings, const Clock& clock, ConsumerMaker consumers)
      : administration_(settings, clock), consumers_(std::move(consumers)) {
    administration_.Start();
  }
  ~RemoteBrokerOf() override { administration_.Stop(); }
  ports::QueueAdmin& admin() override { return administration_; }
  ports::Publisher& publisher() override { return administration_; }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return administration_.MessageLimitBytes(); }
  [[nodiscard]] std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) override {
    return consumers_(queue);
  }

 private:
  Administration administration_;
  const ConsumerMaker consumers_;
};

// Whether Transports of this type are reached over the network by this server.
bool IsRemoteType(const std::string& type);
// `secret`: what the Transport's Secret holds, by variables; empty where it names none. Does not wait for the broker.
Result<std::unique_ptr<RemoteBroker>> ConnectRemote(const json::Value& transport,
                                                    const ports::Credentials::Values& secret, const Clock& clock);
using BrokerConnector = std::function<decltype(ConnectRemote)>;

// What the Secret of a Transport holds for this server now. kNotFound, kForbidden, kInvalid: it cannot be had.
using CredentialsReader = std::function<Result<ports::Credentials::Values>(const json::Value& transport)>;
// From files of this machine, else from the variables of the server.
CredentialsReader FromFiles(cluster::local::ConfigSources sources);

// What the makers of single types share; each makes one of the Transport's `spec.TYPE`.

// Of pauses. Consumers and tokens of all brokers share it.
Random& Dice();
Result<std::unique_ptr<RemoteBroker>> ConnectPostgres(const json::Value& block,
                                                      const ports::Credentials::Values& secret, const Clock& clock);

}  // namespace asya::server
