// Windows: how many messages the broker may send us, kept to the credits granted, and which deliveries to acknowledge.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "core/base/clock.h"

namespace asya::transports::rabbitmq {

// The broker knows no credits, only how many unacknowledged messages a consumer may hold (its prefetch): an ack lets
// it send one more. So acks wait for credits, more credits open another consumer ("window") on the same channel, and
// what is withheld for too long ends its window, after which its acks are free. All of one channel.
constexpr std::size_t kWindowsMax = 8;
constexpr std::chrono::milliseconds kWithheldFor{25};  // longest time an ack waits for a credit
// A window is ended only when it is full, or nothing has come for so long since it was opened and since its end was
// wanted: what is on its way to a consumer that is cancelled goes back, and a quorum queue counts that as a failed
// delivery of a message that nobody has seen. It makes that rare and no more: a message may always be on its way.
constexpr std::chrono::milliseconds kQuietFor{100};

class Windows {
 public:
  using WindowId = std::uint64_t;
  struct AckOrder {
    std::uint64_t tag = 0;
    bool multiple = false;
    bool requeue = false;  // a nack that puts the message back
  };
  struct OpenOrder {
    WindowId id = 0;
    std::uint16_t prefetch = 0;
  };
  // What to send, in this order.
  struct Orders {
    std::vector<WindowId> cancels;
    std::vector<AckOrder> acks;
    std::vector<OpenOrder> opens;
  };
  struct Unacked {
    std::uint64_t print = 0;
    std::int64_t next_loss = 0;
    bool settled = false;  // nothing is left to do but its ack
  };

  // `held_max`: messages held at once at most, 0 for no limit but the credits.
  explicit Windows(std::size_t held_max) : held_max_(held_max) {}

  void Grant(std::size_t count) { credits_ += count; }
  void Revoke() { credits_ = 0; }
  // One message at a time, alone: somebody may have died of the next one.
  void SetCareful(bool careful) { careful_ = careful; }
  // Tags come in order, without gaps. `print` and `next_loss` are kept for unacked().
  void OnDelivered(WindowId id, std::uint64_t tag, std::uint64_t print, std::int64_t next_loss = 0);
  // The broker has confirmed the window, and what waited comes right behind. RabbitMQ 3.10 ends the connection on a
  // cancel that comes before that.
  void OnOpened(WindowId id, SteadyTime now);
  void OnCancelled(WindowId id);
  // The delivery may be acknowledged (or put back).
  void Done(std::uint64_t tag, bool requeue, SteadyTime now);
  // Ends all windows, also those on their way: nothing more is wanted.
  void CancelAll() { ending_ = true; }
  // No window is left.
  [[nodiscard]] bool empty() const { return windows_.empty(); }
  Orders Balance(SteadyTime now);
  // When Balance has to be called again if nothing happens.
  [[nodiscard]] SteadyTime deadline() const;
  [[nodiscard]] std::size_t credits() const { return credits_; }
  // Deliveries for which no ack was ordered.
  [[nodiscard]] std::size_t held() const { return held_; }
  [[nodiscard]] std::vector<Unacked> unacked() const;

 private:
  enum class State : std::uint8_t { kLeased, kDone, kOrdered };
  struct Slot {
    WindowId window = 0;
    std::uint64_t print = 0;
    std::int64_t next_loss = 0;
    State state = State::kLeased;
    bool requeue = false;
  };
  struct Window {
    std::size_t may_come = 0;
    bool opened = false;
    bool doomed = false;  // to be ended as soon as it can
    bool cancelling = false;
    std::size_t seen_may_come = 0;
    SteadyTime quiet_since{};
  };
  struct Withheld {
    std::uint64_t tag = 0;
    SteadyTime since{};
  };

  [[nodiscard]] std::size_t MayCome() const;
  // When the window may be ended.
  [[nodiscard]] static SteadyTime EndsAt(const Window& window);
  void Cancel(WindowId id, SteadyTime now, Orders& orders);
  void Release(std::size_t& room);
  void OrderAcks(Orders& orders);
  void OpenWindow(std::size_t room, SteadyTime now, Orders& orders);
  Slot& At(std::uint64_t tag) { return slots_[tag - first_]; }

  const std::size_t held_max_;
  std::size_t credits_ = 0;
  bool careful_ = true;
  WindowId last_id_ = 0;
  std::map<WindowId, Window> windows_;
  bool ending_ = false;
  std::deque<Slot> slots_;  // bounded by the credits: from the oldest delivery not acknowledged on
  std::uint64_t first_ = 1;
  std::size_t held_ = 0;
  std::deque<Withheld> withheld_;
  std::vector<std::uint64_t> released_;
};

}  // namespace asya::transports::rabbitmq
