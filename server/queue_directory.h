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
  // How long a connection whose Transport or Secret has changed is kept for whoever still uses it.
  static constexpr std::chrono::minutes kFormerLife{10};

  QueueDirectory(CredentialsReader secrets, const Clock& clock);
  ~QueueDirectory() override;

  // `local` serves the Transports that `serves` says and queues that nobody has made yet; it outlives Stop().
  void Start(ports::QueueAdmin& local, std::function<bool(const json::Value& transport)> serves);
  // Ends all connections. Idempotent.
  void Stop();

  // Whether messages for this queue go over the network, and so cannot be part of a transaction here.
  [[nodiscard]] bool IsRemote(const std::string& queue);
  // The largest body that a remote queue takes; nullopt for any other.
  [[nodiscard]] std::optional<std::size_t> RemoteMessageLimitBytes(const std::string& queue);
  // Each to its remote queue, those on one broker together; the outcomes, in the same order. kUnroutable: no such
  // queue.
  std::vector<Status> PublishRemote(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout);

  // nullptr for types that this server does not serve. Where the Secret holds something else than when the broker was
  // connected, it is connected anew; where it cannot be read any more, what it held goes on to be used.
  ports::QueueAdmin* For(const json::Value& transport) override;
  std::vector<ports::QueueAdmin*> All() override { return {this}; }

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

  ports::QueueAdmin& Of(const std::string& queue);
  void Made(const std::string& queue, Broker& broker);
  void Removed(const std::string& queue, const Broker& broker);
  void Tell(const std::string& queue);
  // Those that nobody uses any more; to be destroyed without the lock.
  std::vector<std::unique_ptr<Broker>> TakeOutlived();

  const CredentialsReader secrets_;
  const Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<Broker> local_;
  std::function<bool(const json::Value& transport)> serves_;
  std::map<std::string, std::unique_ptr<Broker>> brokers_;              // by name of the Transport
  std::vector<std::pair<SteadyTime, std::unique_ptr<Broker>>> former_;  // since when; whoever uses one may still
  std::map<std::string, Broker*> places_;
  std::recursive_mutex hints_mutex_;  // apart: a broker tells hints under a lock of its own
  std::list<std::function<void(const std::string&)>> subscribers_;
};

}  // namespace asya::server
