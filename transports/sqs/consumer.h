// Consumer: a relay's end of a queue on SQS: long polls, batches out and away, heartbeats of leases, and a thread.
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
#include "core/http/transfers.h"
#include "ports/message_queue.h"
#include "transports/sqs/batches.h"
#include "transports/sqs/calls.h"
#include "transports/sqs/mailbox.h"
#include "transports/sqs/memory.h"
#include "transports/sqs/outlets.h"
#include "transports/sqs/polls.h"

namespace asya::transports::sqs {

struct ConsumerSettings {
  ServiceSettings service;
  std::string queue;
  std::chrono::seconds wait{20};                 // of a long poll; 20 is SQS's own limit
  std::chrono::seconds visibility{60};           // of a lease; renewed at a third of it
  std::size_t message_bytes_max = 256U * 1024;   // body and our attributes; up to 1 MiB where the queues allow it
  std::chrono::milliseconds linger{5};           // how long an output waits for others, while others are worked on
  std::chrono::milliseconds reconnect_min{100};  // doubles with each try, plus or minus a half
  std::chrono::milliseconds reconnect_max{5000};
};

constexpr std::size_t kConnectionsMax = 24;  // polls, and batches of a few queues at a time
// Bodies are kept up to this many bytes in all, to put messages back uncounted: SQS counts every receipt. A larger one
// may come back as a suspect.
constexpr std::size_t kKeptBodyBytesMax = 4U << 20U;

class Consumer final : public ports::MessageQueue {
 public:
  // `counts` may be null; else it outlives this.
  Consumer(const ConsumerSettings& settings, const Clock& clock, Random& random, CallCounts* counts = nullptr);
  ~Consumer() override;

  void Start(ports::ConsumerEvents& events) override;
  void Grant(std::size_t count) override;
  void RevokeCredits() override;
  // SQS counts receipts by itself; nothing is written before a call.
  void Begin(ports::DeliveryTag tag, std::int64_t crash_count) override;
  void Settle(std::shared_ptr<const ports::Settlement> settlement) override;
  [[nodiscard]] std::size_t MessageLimitBytes() const override {
    return settings_.message_bytes_max - kAttributesBytesMax;
  }
  void Stop(std::chrono::milliseconds grace) override;
  // Breaks off all calls and goes on as a new process that knows nothing of the leases, as sudden death would.
  void Abandon();

 private:
  enum class Phase { kAway, kAsking, kReady };
  struct Lease {
    Received message;  // its body only where it is kept
    bool body_kept = false;
    std::size_t bytes = 0;
    std::int64_t crashes = 0;
    SteadyTime received_at{};
    SteadyTime expires_at{};
    SteadyTime renew_at{};
    bool renewing = false;
    bool settling = false;  // its outputs are on their way
    bool settled = false;   // nothing is left but to delete it
    bool told = false;      // the relay knows of it
    bool lost = false;      // it ended while its outputs were on their way, and they decide
  };
  using Leases = std::map<ports::DeliveryTag, Lease>;

  // consumer_loop.cc: the thread.
  void Work();
  void Connect();
  void Connected(const std::string& url);
  void Lose(const std::string& reason);
  void TellConnection(bool connected, const std::string& reason);
  void Turn();
  void Wait();
  [[nodiscard]] bool IsLost() const;
  [[nodiscard]] SteadyTime RetryAt();
  void BeginStop(std::chrono::milliseconds grace);
  [[nodiscard]] bool MayEnd() const;

  // deliveries.cc: what comes in.
  void Poll();
  void BeginPoll(std::size_t count);
  void Polled(Calls::Id id, SteadyTime began, const Result<std::string>& answer);
  ports::DeliveryTag TakeIn(Received message, SteadyTime leased);
  [[nodiscard]] std::int64_t CrashesOf(const Received& message) const;
  void HideAgain(ports::DeliveryTag tag, std::chrono::microseconds rest);
  void Tell(ports::DeliveryTag tag, Lease& lease);
  void LineUp(const std::vector<ports::DeliveryTag>& fresh, std::vector<ports::DeliveryTag> suspects);
  void KeepLeases();
  void Renewed(ports::DeliveryTag tag, SteadyTime until, const Status& status);
  void WatchQueue(const Error& error);
  void LoseLease(Leases::iterator lease);
  void LoseEarlier(const Received& message);
  void Remember(const Lease& lost);

  // settlements.cc: what becomes of it.
  void OnBegin(ports::DeliveryTag tag);
  void OnSettle(const ports::Settlement& settlement);
  [[nodiscard]] Status CheckSizes(const ports::Settlement& settlement) const;
  void GiveBack(ports::DeliveryTag tag, bool tell);
  void PutBack(ports::DeliveryTag tag, bool tell);
  void Send(ports::DeliveryTag tag, std::vector<Addressed> messages, bool tell);
  void Settling(Lease& lease, bool settling);
  void Finish(ports::DeliveryTag tag);
  void Deleted(ports::DeliveryTag tag, const Status& status);
  void Forget(Leases::iterator lease);
  void DropBody(Lease& lease);

  const ConsumerSettings settings_;
  const Clock& clock_;
  Random& random_;
  CallCounts* counts_;
  ports::ConsumerEvents* events_ = nullptr;
  http::Transfers transfers_{kConnectionsMax};
  Mailbox mailbox_{transfers_};
  std::thread thread_;

  // All below is of the thread alone.
  Phase phase_ = Phase::kAway;
  Calls calls_;
  Outlets outlets_;
  std::unique_ptr<Batches> deletes_;
  std::unique_ptr<Batches> visibilities_;
  std::string url_;
  std::optional<std::string> broken_;  // why everything has to begin anew
  std::optional<std::string> told_;
  SteadyTime try_at_{};
  int failures_ = 0;
  Polls polls_;
  Leases leases_;            // bounded by the credits, and by those being deleted
  std::size_t working_ = 0;  // leases that the relay knows of and has not settled
  std::uint64_t last_tag_ = 0;
  std::optional<ports::DeliveryTag> suspect_;  // waits until it can be worked on alone
  std::vector<ports::Delivery> deliveries_;    // to be told at the end of the turn
  Memory memory_;
  std::size_t kept_bytes_ = 0;
  bool stopping_ = false;
  SteadyTime stop_by_{};
  SteadyTime polls_by_{};  // when polls are waited for no longer
};

}  // namespace asya::transports::sqs
