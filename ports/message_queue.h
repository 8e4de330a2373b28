// MessageQueue: how a relay takes envelopes from one queue and settles each of them, whatever the broker.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/base/strong.h"
#include "ports/driver.h"

namespace asya::ports {

// What an ordinary message leaves free below the limit of its transport, so that an accepted envelope can carry the
// error it fails with: ReplyLimits keeps 20 KiB of text, which JSON may write in three times as many bytes.
inline constexpr std::size_t kFailureHeadroomBytes = 64U * 1024;
// Of limits below four times the headroom, a quarter is left free.
constexpr std::size_t OrdinaryLimitBytes(std::size_t limit_bytes) {
  return limit_bytes - (limit_bytes / 4 < kFailureHeadroomBytes ? limit_bytes / 4 : kFailureHeadroomBytes);
}

// The least number of crashes at which a relay may give an envelope up. Below it a count too high does no harm.
inline constexpr std::int64_t kLeastCrashLimit = 5;

// Names one delivery of one consumer; never reused within the life of the consumer.
using DeliveryTag = Strong<struct DeliveryTagTag, std::uint64_t>;

// One leased message. The lease is kept alive by the transport until the delivery is settled or the consumer stops.
struct Delivery {
  DeliveryTag tag;
  std::string body;              // the envelope, byte for byte as it was published
  std::int64_t crash_count = 0;  // earlier invocations that had started and never reported an outcome
  WallTime enqueued_at{};        // when it became visible in this queue; for queue_wait_seconds
  bool uses_credit = true;       // false: its lease was kept over a lost connection, and no credit was there for it
};

// The longest message_id that every broker takes.
inline constexpr std::size_t kMessageIdLimitBytes = 255;

// A message to publish, together with the settlement of its input.
struct Outgoing {
  std::string queue;  // full queue name, e.g. "asya-default-infer"
  std::string body;
  // derived, the same for each repetition of the same work; brokers that can, drop doubles by it. At most
  // kMessageIdLimitBytes.
  std::string message_id;
};

// The end of one delivery. Exactly one per delivery.
struct Settlement {
  enum class Action {
    // all of `publish` becomes visible and the input is gone: one transaction where the broker can, else confirmed
    // then acked
    kAck,
    // the input stays in its queue with the body `retry_body`, invisible for `retry_delay`; crash_count becomes 0
    kRetry,
    // the input is visible again at once as it was. No attempt is counted; crash_count becomes what it was at the
    // delivery, or `crash_count` where that is more
    kGiveBack,
  };
  DeliveryTag tag;
  Action action = Action::kAck;
  std::vector<Outgoing> publish;
  std::string retry_body;
  std::chrono::microseconds retry_delay{0};
  std::int64_t crash_count = 0;  // of kGiveBack: what this consumer knows, with the invocations that died under it
};

// What happens to a consumer. Called on the transport's own thread or that of driver(), one call at a time; must not
// block.
class ConsumerEvents {
 public:
  virtual ~ConsumerEvents() = default;
  // New leases, at most as many as were granted, and those that the transport could keep over a lost connection.
  virtual void OnDeliveries(std::vector<Delivery> deliveries) = 0;
  // The outcome of Begin(), perhaps within it on its thread. kClosed/kConflict: the lease is lost, forget the delivery.
  virtual void OnStarted(DeliveryTag tag, Status status) = 0;
  // The outcome of Settle(). ok: durable. kUnroutable (field = the queue): nothing happened, the delivery is still
  // leased, settle it otherwise.
  // kConflict: the lease was lost and nothing happened, forget the delivery. kTooLarge: a publish is over the limit,
  // still leased. kInvalid: it would be refused at each try, still leased.
  virtual void OnSettled(DeliveryTag tag, Status status) = 0;
  // Connected (true) or lost (false, with the reason). After a loss all leases are void: forget every delivery that
  // is not
  // settled; the transport reconnects for ever with backoff and jitter, and the credits granted before are void too.
  virtual void OnConnection(bool connected, const std::string& reason) = 0;
  // A thread that the transport may use in place of one of its own; nullptr if none is offered. It has to be that of
  // whoever calls Stop(), and lives until then.
  virtual Driver* driver() { return nullptr; }
};

// A consumer of one queue. Methods may be called from any thread and never block.
class MessageQueue {
 public:
  virtual ~MessageQueue() = default;
  // Connects and keeps connected. `events` must outlive Stop().
  virtual void Start(ConsumerEvents& events) = 0;
  // Allows `count` more deliveries.
  virtual void Grant(std::size_t count) = 0;
  // Takes back all unused credits (drain); deliveries already under way may still come.
  virtual void RevokeCredits() = 0;
  // Records that the invocation of this delivery begins, with the crash count it leaves behind if it never reports.
  // Invoke after OnStarted(ok).
  virtual void Begin(DeliveryTag tag, std::int64_t crash_count) = 0;
  // Whoever settles may keep it as well, to settle with it again; nobody changes it any more.
  virtual void Settle(std::shared_ptr<const Settlement> settlement) = 0;
  void Settle(Settlement settlement) { Settle(std::make_shared<const Settlement>(std::move(settlement))); }
  // The largest body that it takes, as far as known now; 0 before the broker has said it.
  [[nodiscard]] virtual std::size_t MessageLimitBytes() const = 0;
  // Flushes settlements under way (bounded by `grace`), gives back all other leases, closes. Idempotent. No event
  // comes after it returned.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

// Sends single messages; for the gateway and for tests. Blocking, from any thread.
class Publisher {
 public:
  virtual ~Publisher() = default;
  // Durable when it returns ok. kUnroutable: no queue of that name.
  virtual Status Publish(const std::vector<Outgoing>& messages, std::chrono::milliseconds timeout) = 0;
};

}  // namespace asya::ports
