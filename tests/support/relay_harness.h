// RelayHarness: one relay on the memory broker, with queues to send to and to look into.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "model/envelope.h"
#include "relay/service.h"
#include "tests/support/temporary_folder.h"
#include "transports/memory/broker.h"

namespace asya::tests {

// How long a test waits for what must come; only a failing test waits that long.
inline constexpr std::chrono::seconds kPatience{20};

class RelayHarness {
 public:
  RelayHarness();
  ~RelayHarness();
  RelayHarness(const RelayHarness&) = delete;
  RelayHarness& operator=(const RelayHarness&) = delete;

  // Changed before Start().
  relay::Settings settings;  // actor "infer" in namespace "ns", concurrency 1
  relay::RelayLimits limits;

  // Makes the queues of these actors, and starts the relay.
  void Start(const std::vector<std::string>& actors = {"infer", "post", "x-sink", "x-sump"});
  // Drains; Run() has returned.
  void Stop();
  void MakeQueue(const std::string& actor);

  // An envelope for the relay's actor whose route goes on with `next`.
  [[nodiscard]] model::Envelope Make(const std::string& id, const std::vector<std::string>& next = {},
                                     const std::string& payload = "1") const;
  void Send(const model::Envelope& envelope);
  void SendBytes(const std::string& bytes);
  // The next message in an actor's queue, taken out of it; nullopt when patience ends.
  std::optional<std::string> TakeBytes(const std::string& actor, std::chrono::milliseconds patience = kPatience);
  std::optional<model::Envelope> Take(const std::string& actor, std::chrono::milliseconds patience = kPatience);
  ports::QueueStats Stats(const std::string& actor);
  // Polls a condition; false when patience ends.
  static bool Eventually(const std::function<bool()>& condition);
  // GET on the metrics address: the whole reply.
  [[nodiscard]] std::string Get(const std::string& target) const;
  // POST /drain on the relay's socket: the whole reply, once it comes.
  [[nodiscard]] std::string PostDrain() const;
  [[nodiscard]] const std::string& folder() const { return folder_.path(); }
  transports::memory::Broker& broker() { return broker_; }
  ports::MessageQueue& consumer() { return *consumer_; }

 private:
  TemporaryFolder folder_;
  transports::memory::Broker broker_;
  observe::Metrics metrics_;
  std::unique_ptr<ports::MessageQueue> consumer_;
  std::unique_ptr<relay::Service> service_;
  std::thread thread_;
};

}  // namespace asya::tests
