// Consumer: a relay's end of a queue on Pub/Sub: one connection, several pulls waiting on it, and a thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "ports/message_queue.h"
#include "transports/net/loop.h"
#include "transports/pubsub/access.h"
#include "transports/pubsub/channel.h"
#include "transports/pubsub/memory.h"
#include "transports/pubsub/messages.h"
#include "transports/pubsub/publishing.h"
#include "transports/pubsub/report.h"

namespace asya::transports::pubsub {

struct ConsumerSettings {
  PubsubAddress address;
  std::string ca_pem;  // trusted certificates; empty: the system's
  std::shared_ptr<Access> access = std::make_shared<NoAccess>();
  std::string queue;
  std::size_t message_bytes_max = kBodyBytesMax;
  std::chrono::milliseconds reconnect_min{50};  // doubles with each try, plus or minus a half
  std::chrono::milliseconds reconnect_max{5000};
  std::chrono::milliseconds report_pause{100};  // between two reports of what was done
};

constexpr std::size_t kPullsMax = 4;                   // waiting at once
constexpr std::size_t kPullMessagesMax = 1000;         // wanted by one pull
constexpr std::size_t kAckCallsMax = 4;                // under way at once
constexpr std::size_t kHeldMax = 1000;                 // early retries kept leased until they are due
constexpr std::size_t kKeptBodyBytesMax = 16U << 20U;  // of what may have to be given back uncounted
constexpr int kRefusedCopyPauseS = 10;                 // before what Pub/Sub takes no copy of comes again

class Consumer final : public ports::MessageQueue {
 public:
  Consumer(const ConsumerSettings& settings, const Clock& clock, Random& random);
  ~Consumer() override;

  void Start(ports::ConsumerEvents& events) override;
  void Grant(std::size_t count) override;
  void RevokeCredits() override;
  void Begin(ports::DeliveryTag tag, std::int64_t crash_count) override;
  void Settle(std::shared_ptr<const ports::Settlement> settlement) override;
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return settings_.message_bytes_max; }
  void Stop(std::chrono::milliseconds grace) override;
  // Breaks the connection and goes on as a new process that knows nothing of the leases, as sudden death would.
  void Abandon();

 private:
  enum class Phase { kAway, kOpening, kChecking, kReady };
  struct Lease {
    std::string ack_id;
    std::string message_id;  // of Pub/Sub
    std::string own_id;      // derived, given by the publisher
    std::int64_t crashes = 0;
    WallTime visible_at{};
    std::string body;
    bool has_body = false;
    bool early = false;  // kept until it is due; nobody was told
    bool settling = false;
    bool ends = false;  // being settled as processed
    SteadyTime expires_at{};
  };
  struct Waiting {  // a pull
    Channel* channel = nullptr;
    Channel::CallId call = 0;
    std::size_t count = 0;  // how many it may bring
  };
  struct PendingAck {
    std::string ack_id;
    std::string message_id;
  };

  // consumer_loop.cc: the thread.
  void Work();
  void Connect();
  std::unique_ptr<Channel> NewChannel();
  void DriveChannels();
  void HandOver();
  void CheckQueue();
  void Checked(const Result<std::string>& answer);
  void Lose(const std::string& reason);
  void TellConnection(bool connected, const std::string& reason);
  void Turn();
  void Wait();
  [[nodiscard]] SteadyTime WakeAt() const;
  [[nodiscard]] bool MayEnd() const;
  void BeginStop(std::chrono::milliseconds grace);
  [[nodiscard]] SteadyTime RetryAt();
  void SendReport();
  void Trouble(const Error& error);

  // leases.cc: pulling, keeping, acknowledging.
  void SendPulls();
  void Pulled(const Result<std::string>& answer);
  void KeepLeases();
  void Modify(const std::vector<std::string>& ack_ids, int seconds);
  void SendAcks();
  void TellDue();
  [[nodiscard]] std::size_t Wanted() const;
  [[nodiscard]] std::chrono::milliseconds lease() const { return std::chrono::seconds(lease_s_); }

  // deliveries.cc: what comes in and what becomes of it.
  void OnReceived(Received received);
  void Deliver(ports::DeliveryTag tag, Lease& lease);
  void OnBegin(ports::DeliveryTag tag);
  void OnSettle(const ports::Settlement& settlement);
  void GiveBack(ports::DeliveryTag tag, Lease& lease, bool tell);
  // `due`: of the retry among them; none if it has no delay.
  void Send(ports::DeliveryTag tag, std::vector<Publication> batch, bool tell, WallTime due = {});
  void Delayed(WallTime due);
  void Finish(ports::DeliveryTag tag);
  void LetGo(ports::DeliveryTag tag, int seconds);
  std::string Drop(ports::DeliveryTag tag);
  void Tell(ports::DeliveryTag tag, Status status, bool tell);
  [[nodiscard]] Status CheckSizes(const ports::Settlement& settlement) const;
  Lease* Valid(ports::DeliveryTag tag);

  const ConsumerSettings settings_;
  const std::string subscription_;
  const Clock& clock_;
  Random& random_;
  ports::ConsumerEvents* events_ = nullptr;
  net::Loop loop_;
  std::thread thread_;

  // All below is of the thread alone.
  Phase phase_ = Phase::kAway;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Publishing> publishing_;
  std::unique_ptr<Channel> former_;  // that the server wants no new calls on, until those under way have ended
  bool readable_ = false;
  bool former_readable_ = false;
  std::optional<std::string> broken_;  // why the connection has to be given up
  std::optional<std::string> told_;
  SteadyTime try_at_{};
  int failures_ = 0;
  int lease_s_ = kAckDeadlineMinS;
  std::size_t credits_ = 0;
  std::map<std::uint64_t, Waiting> pulls_;
  std::uint64_t last_pull_ = 0;
  std::size_t pull_max_ = kPullMessagesMax;  // less after an answer that was too large
  SteadyTime pull_at_{};                     // not before, after trouble
  bool careful_ = true;                      // one message at a time: somebody may have died of the next one
  std::unordered_map<ports::DeliveryTag, Lease> leases_;  // bounded by the credits and kHeldMax
  std::multimap<WallTime, ports::DeliveryTag> early_;
  std::uint64_t last_tag_ = 0;
  std::vector<ports::Delivery> deliveries_;  // to be told at the end of the turn
  SteadyTime keep_at_{};
  std::vector<PendingAck> acks_;
  std::size_t ack_calls_ = 0;
  SteadyTime ack_at_{};
  std::size_t kept_bytes_ = 0;
  std::vector<std::string> orphans_;  // leases of ours that went with a connection
  Memory memory_;
  Report report_;
  bool report_due_ = false;
  std::optional<std::string> untold_;  // a report until somebody has taken it: the same one is sent again
  bool report_under_way_ = false;
  SteadyTime report_at_{};
  std::optional<SteadyTime> idle_since_;
  bool stopping_ = false;
  bool said_goodbye_ = false;
  SteadyTime stop_by_{};
};

}  // namespace asya::transports::pubsub
