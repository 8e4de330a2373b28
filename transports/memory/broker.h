// Broker: queues in this process's memory, for tests of what stands above the message-queue port.
#pragma once

#include <memory>
#include <string>

#include "core/base/clock.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"

namespace asya::transports::memory {

// Largest body a queue takes, as the SQLite transport has it.
constexpr std::size_t kMessageBytesMax = 4 * 1024 * 1024;

// Thread safe. Start() before use; consumers are stopped before the broker.
class Broker {
 public:
  explicit Broker(const Clock& clock);
  ~Broker();

  void Start();
  void Stop();
  ports::QueueAdmin& Admin();
  ports::Publisher& Publisher();
  // The queue need not exist yet.
  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue);
  // Breaks the connection of one consumer made here; it connects again by itself.
  void Cut(ports::MessageQueue& consumer);
  // In place of kMessageBytesMax. Before consumers are made.
  void TakeUpTo(std::size_t message_bytes);
  // From now on the queue is one whose name the broker does not allow: kInvalid.
  void Forbid(const std::string& queue);
  // Breaks all of them, as a restart of a real broker would.
  void CutAll();

 private:
  class State;
  class AdminOfState;
  class PublisherOfState;
  class Consumer;
  std::shared_ptr<State> state_;
  std::unique_ptr<AdminOfState> admin_;
  std::unique_ptr<PublisherOfState> publisher_;
};

}  // namespace asya::transports::memory
