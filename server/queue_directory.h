// QueueDirectory: every queue of this server, whichever broker it is on; each broker is connected when first needed.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/json/value.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"
#include "reconcilers/world.h"
#include "server/remote_broker.h"

namespace asya::server {

// A queue is where it was last made: the reconcilers make each queue again when the server starts, and when its actor
// changes its transport.
class QueueDirectory final : public reconcilers::QueueAdmins, public ports::QueueAdmin {
 public:
  // How long a connection is kept for a Transport that nobody asks for, and that no queue is known on.
  static constexpr std::chrono::minutes kUnaskedLife{10};

  // `connect` makes the connections; ConnectRemote, but for tests.
  QueueDirectory(CredentialsReader secrets, const Clock& clock, BrokerConnector connect = ConnectRemote);
  ~QueueDirectory() override;

  // `local` serves the Transports that `serves` says and queues that nobody has made yet; it outlives Stop().
  void Start(ports::QueueAdmin& local, std::function<bool(const json::Value& transport)> serves);
  // Ends all connections, also those that somebody holds still. Idempotent.
  void Stop();

  // Whether messages for this queue go over the network, and so cannot be part of a transaction here.
  [[nodiscard]] bool IsRemote(const std::string& queue);
  // The largest body that a remote queue takes; nullopt for any other.
  [[nodiscard]] std::optional<std::size_t> RemoteMessageLimitBytes(const std::string& queue);
  // Each to its remote queue, those on one broker together; the outcomes, in the same order. kUnroutable: no such
  // queue.
  std::vector<Status> PublishRemote(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout);

  // nullptr for types that this server does not serve. Where the Secret holds something else than when the broker was
  // connected, it is connected anew; where it cannot be read any more, what it held goes on to be used. A former
  // connection ends with its last use: by whoever holds it, or as the place of a queue.
  std::shared_ptr<ports::QueueAdmin> For(const json::Value& transport) override;
  void Forget(const std::string& transport) override;
  // Of a queue on the broker of this Transport. kUnavailable: it cannot be had; kInvalid: it is on no remote broker.
  Result<std::unique_ptr<ports::MessageQueue>> NewConsumer(const json::Value& transport, const std::string& queue);
  std::vector<ports::QueueAdmin*> All() override { return {this}; }
  reconcilers::FoundQueues FindMissing(const std::vector<std::string>& queues) override;

  // Of the local broker.
  Status Ensure(const ports::QueueSpec& spec) override;
  // Of the broker that the queue is on.
  Status Remove(const std::string& name, bool force) override;
  Result<ports::QueueStats> Stats(const std::string& name) override;
  // Of all brokers; one that does not answer is an error.
  Result<std::vector<std::string>> List() override;
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string& queue)> on_work) override;

 private:
  class Broker;  // one broker, which tells the directory what is made on it

  using Brokers = std::vector<std::shared_ptr<Broker>>;
  // To be destroyed without the lock.
  Brokers TakeUnasked();

  std::shared_ptr<Broker> Of(const std::string& queue);
  // Null of a queue that is on no remote broker.
  std::shared_ptr<RemoteBroker> RemoteOf(const std::string& queue);
  void Made(const std::string& queue, std::shared_ptr<Broker> broker);
  void Removed(const std::string& queue, const Broker& broker);
  void Tell(const std::string& queue);
  const CredentialsReader secrets_;
  const Clock& clock_;
  const BrokerConnector connect_;
  std::mutex mutex_;  // none is destroyed under it: that waits for the broker's threads
  std::shared_ptr<Broker> local_;
  std::function<bool(const json::Value& transport)> serves_;
  struct Asked {
    std::shared_ptr<Broker> broker;
    SteadyTime at{};
  };
  std::map<std::string, Asked> brokers_;                   // by name of the Transport
  std::map<std::string, std::shared_ptr<Broker>> places_;  // of queues
  std::vector<std::weak_ptr<Broker>> made_;                // all that live, and some that do not
  std::recursive_mutex hints_mutex_;                       // apart: a broker tells hints under a lock of its own
  std::list<std::function<void(const std::string&)>> subscribers_;
};

}  // namespace asya::server
