// Consumer: a relay's end of a queue on RabbitMQ: one connection to take messages, one to publish, and a thread for
// them, which may be that of the relay.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "ports/message_queue.h"
#include "transports/net/loop.h"
#include "transports/rabbitmq/address.h"
#include "transports/rabbitmq/begun.h"
#include "transports/rabbitmq/link.h"
#include "transports/rabbitmq/memory.h"
#include "transports/rabbitmq/pardon_channel.h"
#include "transports/rabbitmq/pardons.h"
#include "transports/rabbitmq/publishing.h"
#include "transports/rabbitmq/windows.h"

namespace asya::transports::rabbitmq {

struct ConsumerSettings {
  BrokerAddress address;
  std::string queue;
  std::string exchange;                         // where outputs go; empty: the default exchange
  std::size_t held_max = 0;                     // messages leased at once at most; 0: what is granted
  std::size_t message_bytes_max = 16U << 20U;   // RabbitMQ's own default since 4.0; a broker that wants less says so
  std::chrono::milliseconds reconnect_min{50};  // doubles with each try, plus or minus a half
  std::chrono::milliseconds reconnect_max{2000};
  std::chrono::seconds heartbeat{10};  // a connection that is silent for twice that is given up
  // How long a message that may be given up waits each time for pardons of relays that have lost their connection.
  std::chrono::milliseconds hearing{12'000};
  // Told once, on the consumer's thread, when the broker does not allow to bind the queue for its delayed messages,
  // with the broker's words. They come back only where the queue was bound by whoever made it.
  std::function<void(const std::string&)> on_unbound{};
};

// Times that such a message waits: whoever gets it after the first may have come too late for the answers.
constexpr std::int64_t kHearingsMax = 2;

// Pardons of one message that only relays know; then they are written down in a copy of it. One break leaves the order
// of a queue as it was.
constexpr int kUnwrittenPardonsMax = 2;
// Losses of a message that this process runs still, until what is known of them is written down: its copy goes behind
// all others, and the outcome waits meanwhile. A death more must not make it a message to be given up.
constexpr std::int64_t kUnwrittenLossesOfOwnMax = ports::kLeastCrashLimit - 2;

// Bodies are kept up to this many bytes in all, to put messages back uncounted; brokers before 4.3 count what is put
// back otherwise, which has to be pardoned.
constexpr std::size_t kKeptBodyBytesMax = 4U << 20U;
// The broker did not take a copy in place of a delivery: deliveries are worked on as they come for so long.
constexpr std::chrono::seconds kCopyPause{5};

class Consumer final : public ports::MessageQueue {
 public:
  Consumer(const ConsumerSettings& settings, const Clock& clock, Random& random);
  ~Consumer() override;

  void Start(ports::ConsumerEvents& events) override;
  void Grant(std::size_t count) override;
  void RevokeCredits() override;
  void Begin(ports::DeliveryTag tag, std::int64_t crash_count) override;
  void Settle(std::shared_ptr<const ports::Settlement> settlement) override;
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return message_bytes_max_; }
  void Stop(std::chrono::milliseconds grace) override;
  // Breaks both connections and goes on as a new process that knows nothing of the leases, as sudden death would.
  void Abandon();

 private:
  enum class Phase { kAway, kOpening, kChecking, kReady };
  struct Lease {
    std::uint64_t print = 0;
    // Deliveries that were never settled, of this message and what it is a copy of; and the number of this one if it is
    // lost as well, negative where the broker would not count it.
    std::int64_t losses = 0;
    std::int64_t next_loss = 0;
    LossSet pardoned = 0;
    std::int64_t crashes = 0;
    std::int64_t deaths = 0;  // of a delivery that goes back: how many calls died under this relay
    WallTime visible_at{};
    std::string message_id;
    std::optional<std::string> body;
    std::uint64_t bytes = 0;
    bool begun = false;  // it is written down that a call has begun
    bool settling = false;
    bool ends = false;      // being settled as processed
    bool resolved = false;  // being settled otherwise than by being given back
  };
  // How a delivery came whose lease is kept, and that has no place yet.
  struct Incoming {
    bool unwanted = false;  // it was under way when the credits were taken back
    bool is_own = false;    // this process has had the message before
    std::uint64_t revocations = 0;
  };

  void TakeSettlements();
  // consumer_loop.cc: the thread.
  void Post(net::Loop::Letter letter);
  void Work();
  void DrivenTurn();
  // False when there is something to do at once.
  bool Advance();
  void Connect();
  Status ConnectPublishing();
  void RenewPublishing(const std::string& reason);
  void WhenRenewed();
  void DriveLinks();
  void WhenOpen();
  void CheckQueue();
  void Checked(const Status& found);
  void Lose(const std::string& reason);
  void TellConnection(bool connected, const std::string& reason);
  void Exchange();
  void Wait();
  // What to wait for.
  void ListSockets();
  void TakeReadable();
  [[nodiscard]] SteadyTime WaitUntil();
  [[nodiscard]] bool MayEnd() const;
  void BeginStop(std::chrono::milliseconds grace);
  void SayGoodbye();
  [[nodiscard]] SteadyTime RetryAt();

  // deliveries.cc: what comes in and what becomes of it.
  void OnArrival(Arrival&& arrival);
  void OnDelivery(Arrival&& arrival);
  void Keep(Lease& lease, const std::string& body);
  void Examine(ports::DeliveryTag tag, Arrival&& arrival, Incoming incoming);
  void Place(ports::DeliveryTag tag, Arrival&& arrival, Incoming incoming);
  void OnBegin(ports::DeliveryTag tag);
  void CountLosses(const Arrival& arrival, Lease& lease) const;
  [[nodiscard]] LossSet PardonedOf(const Headers& headers, std::uint64_t print, SteadyTime now) const;
  [[nodiscard]] static bool HasToBeTold(const Arrival& arrival, const Lease& lease, bool is_own);
  void WriteDown(ports::DeliveryTag tag, Arrival&& arrival);
  void Hear(ports::DeliveryTag tag, Arrival&& arrival);
  void Pardoned(const Lease& lease, SteadyTime now);
  // A message for this queue.
  [[nodiscard]] std::shared_ptr<const ports::Outgoing> Own(std::string body, const std::string& message_id) const;
  [[nodiscard]] Publication CopyOf(const Lease& lease, std::string body) const;
  void OnSettle(const std::shared_ptr<const ports::Settlement>& settlement);
  void GiveBack(ports::DeliveryTag tag, Lease& lease, bool tell);
  void Mourn(ports::DeliveryTag tag, Lease& lease, bool tell);
  [[nodiscard]] bool MayCopy(const Lease& lease) const;
  void PutBack(ports::DeliveryTag tag, bool tell);
  void Send(ports::DeliveryTag tag, std::vector<Publication> batch, bool tell);
  void Finish(ports::DeliveryTag tag, bool requeue);
  void Tell(ports::DeliveryTag tag, Status status, bool tell);
  void SendOrders(const Windows::Orders& orders);
  [[nodiscard]] Status CheckSizes(const ports::Settlement& settlement) const;
  [[nodiscard]] ports::DeliveryTag TagOf(std::uint64_t channel_tag) const {
    return ports::DeliveryTag(tag_base_ + channel_tag);
  }
  [[nodiscard]] std::uint64_t ChannelTag(ports::DeliveryTag tag) const { return tag.get() - tag_base_; }
  void LearnLimit(const std::string& reason);
  static Status LeaseLost() { return Fail(ErrorCode::kConflict, "the lease was lost"); }

  const ConsumerSettings settings_;
  const Clock& clock_;
  Random& random_;
  ports::ConsumerEvents* events_ = nullptr;
  net::Loop loop_;
  std::thread thread_;  // unless it is driven
  std::atomic<ports::Driver*> driver_ = nullptr;
  bool running_ = false;  // from Start() to Stop()

  std::atomic<std::uint64_t> lost_up_to_{0};    // leases with tags up to this one were lost; written by the thread
  std::atomic<std::size_t> message_bytes_max_;  // as well

  std::mutex settlements_mutex_;
  std::vector<std::shared_ptr<const ports::Settlement>>
      settlements_;  // to be taken by the thread; bounded by the leases

  // All below is of the thread alone.
  std::vector<std::shared_ptr<const ports::Settlement>>
      taken_settlements_;  // empty between two rounds; keeps its memory
  Phase phase_ = Phase::kAway;
  std::unique_ptr<Link> consuming_;
  std::unique_ptr<Link> publishing_link_;
  std::unique_ptr<Publishing> publishing_;
  std::unique_ptr<PardonChannel> pardon_channel_;  // uses the two before it
  std::unique_ptr<Begun> begun_;                   // uses publishing_
  std::vector<pollfd> sockets_;                    // waited for
  bool sockets_stay_ = false;                      // they were those of open links
  std::array<bool, 2> readable_{};                 // consuming, publishing
  bool renewing_ = false;                          // the publishing link is being opened anew beside the other
  std::optional<std::string> broken_;              // why the links have to be given up
  std::optional<std::string> told_;
  bool told_unbound_ = false;
  SteadyTime try_at_{};
  int failures_ = 0;
  std::unique_ptr<Windows> windows_;
  std::unordered_map<ports::DeliveryTag, Lease> leases_;  // bounded by the credits
  std::vector<ports::Delivery> deliveries_;               // to be told at the end of the turn
  Memory memory_;
  Pardons pardons_;
  std::size_t kept_bytes_ = 0;
  SteadyTime copies_from_{};
  std::uint64_t tag_base_ = 0;
  std::uint64_t last_channel_tag_ = 0;
  std::uint64_t revocations_ = 0;
  bool is_fresh_ = true;  // nothing was delivered since this process began
  bool stopping_ = false;
  SteadyTime stop_by_{};
};

}  // namespace asya::transports::rabbitmq
