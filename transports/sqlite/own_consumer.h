// OwnConsumer: a consumer in the broker's own process, for what the server itself takes: no socket and no thread.
#pragma once

#include <memory>
#include <string>

#include "ports/message_queue.h"
#include "transports/sqlite/mailbox.h"

namespace asya::transports::sqlite {

class Reactor;

// Its events come on the broker's thread, or, of calls after the broker has ended, not at all; no driver is asked for.
class OwnConsumer final : public ports::MessageQueue {
 public:
  // `reactor` is not touched once `mailbox` is closed.
  OwnConsumer(std::shared_ptr<Mailbox> mailbox, Reactor& reactor, std::string queue, std::size_t message_limit_bytes);
  ~OwnConsumer() override;

  void Start(ports::ConsumerEvents& events) override;
  void Grant(std::size_t count) override;
  void RevokeCredits() override;
  void Begin(ports::DeliveryTag tag, std::int64_t crash_count) override;
  void Settle(std::shared_ptr<const ports::Settlement> settlement) override;
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return message_limit_bytes_; }
  void Stop(std::chrono::milliseconds grace) override;

 private:
  class Inside;

  const std::shared_ptr<Mailbox> mailbox_;
  Reactor& reactor_;
  const std::string queue_;
  const std::size_t message_limit_bytes_;
  const std::shared_ptr<Inside> inside_;
  bool running_ = false;  // from Start() to Stop()
};

}  // namespace asya::transports::sqlite
