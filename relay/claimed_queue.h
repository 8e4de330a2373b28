// ClaimedQueue: a message queue whose large payloads travel through a claim store, so that its user sees every envelope
// whole, whatever the transport takes.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "claims/settings.h"
#include "core/base/executor.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "model/claim.h"
#include "ports/claim_store.h"
#include "ports/message_queue.h"

namespace asya::relay {

// A larger result or dead letter is told by its size and hash. Where there is a store, such a payload lies in it.
inline constexpr std::size_t kReportedPayloadBytes = claims::kMostThresholdBytes;

struct ClaimLimits {
  // Envelopes above it leave their payload in the store, and so do those that the transport might not take.
  std::size_t threshold_bytes = kReportedPayloadBytes;
  std::size_t readers = 2;                         // fetches at once
  std::size_t writers = 2;                         // of settlements at once
  std::size_t waiting = 8192;                      // settlements, and deliveries: more than are ever leased
  std::size_t held_bytes = 256U << 20U;            // of fetched payloads that are not settled; one always goes
  std::chrono::milliseconds call_timeout{20'000};  // of one call of the store
  int read_attempts = 7;                           // while the store is away: about 10 s, then the message goes back
  int missing_attempts = 4;                        // of a payload that is not there, or is another: about 1 s
  int mark_attempts = 4;                           // of the mark that an envelope has ended: about 1 s
  std::chrono::milliseconds first_pause{150};
  std::chrono::milliseconds longest_pause{4000};
};

// Types of the errors that an envelope fails with whose payload could not be had. The reference stays in its header.
inline constexpr const char* kPayloadLost = "PayloadLost";                // not there, or not what was written
inline constexpr const char* kPayloadUnavailable = "PayloadUnavailable";  // the store did not answer until its deadline

struct ClaimParts {
  ports::MessageQueue& queue;  // of the transport
  ports::ClaimStore& store;
  observe::Metrics& metrics;
  std::string metric_prefix;
  observe::Logger logger;
  bool makes_letters = false;  // what ends here is a dead letter, which may go on naming its payload
};

// Of an envelope that has put payloads into the store it marks there when it has ended (ports/claim_marks.h); nothing
// is removed here. What the store cannot take is told by OnSettled as kUnavailable, with the delivery still leased;
// what it does not give back comes as it is, with a problem.
class ClaimedQueue final : public ports::MessageQueue, private ports::ConsumerEvents {
 public:
  ClaimedQueue(ClaimParts parts, const ClaimLimits& limits);
  ~ClaimedQueue() override;

  // Why the payload of a delivered envelope could not be had, taken out of it; `field` is the type of the error that it
  // fails with. nullopt: it is whole.
  static std::optional<Error> TakeProblem(model::Envelope& envelope);

  void Start(ports::ConsumerEvents& events) override;
  void Grant(std::size_t count) override;
  void RevokeCredits() override;
  void Begin(ports::DeliveryTag tag, std::int64_t crash_count) override { parts_.queue.Begin(tag, crash_count); }
  void Settle(std::shared_ptr<const ports::Settlement> settlement) override;
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return model::kClaimLimitBytes; }
  // The store has half of the grace, and takes nothing afterwards.
  void Stop(std::chrono::milliseconds grace) override;

 private:
  struct Fetch {
    ports::Delivery delivery;
    model::Envelope envelope;
    model::Claim claim;
    std::uint64_t connection = 0;
    std::optional<std::uint64_t> credit;  // it came for one of those granted after so many revocations
  };

  void OnDeliveries(std::vector<ports::Delivery> deliveries) override;
  void OnStarted(ports::DeliveryTag tag, Status status) override;
  void OnSettled(ports::DeliveryTag tag, Status status) override;
  void OnConnection(bool connected, const std::string& reason) override;
  ports::Driver* driver() override { return events_->driver(); }

  // Whose envelope it is that a delivery carries, by the folder of the store that it holds payloads in.
  struct Holder {
    std::string folder;
    std::string id;
  };

  std::shared_ptr<Fetch> NeedsFetch(ports::Delivery& delivery);
  // What the user has granted and not taken back is used up by a delivery.
  std::optional<std::uint64_t> UseCredit();
  void GrantAgain(std::uint64_t credit);
  void StartThreads();
  // The holder whose envelope this settlement is the end of.
  std::optional<Holder> EndOf(const ports::Settlement& settlement);
  void MarkLetterAndSettle(const Holder& holder, const std::shared_ptr<const ports::Settlement>& settlement);
  void MarkEnded(const Holder& holder);
  void BeginFetches();
  void Run(const std::shared_ptr<Fetch>& fetch);
  Result<std::string> Read(const Fetch& fetch);
  void GiveBack(const std::shared_ptr<Fetch>& fetch);
  // Whether the queue answers for a delivery that nobody was told of.
  bool GaveBack(ports::DeliveryTag tag, const Status& status);
  // False when it has to stop.
  bool Pause(std::chrono::milliseconds time);
  void Release(ports::DeliveryTag tag);
  [[nodiscard]] bool IsLarge(const ports::Settlement& settlement) const;
  [[nodiscard]] bool IsLarge(const std::string& body) const;
  void StoreAndSettle(ports::Settlement settlement);
  // Puts the payload of an envelope into the store, and a reference into the envelope.
  Status Claim(std::string& body);

  ClaimParts parts_;
  const ClaimLimits limits_;
  const observe::Counter written_;
  const observe::Counter written_bytes_;
  const observe::Counter reused_;
  const observe::Counter read_;
  const observe::Counter read_bytes_;
  const observe::Counter write_failures_;
  const observe::Counter read_failures_;
  const observe::Counter mark_failures_;
  const observe::Gauge held_gauge_;
  ports::ConsumerEvents* events_ = nullptr;
  Executor readers_;
  Executor writers_;
  std::once_flag started_;  // a relay that never sees a large payload has no threads for them

  std::mutex telling_;  // one call of `events_` at a time, and none of an earlier connection
  std::atomic<std::uint64_t> connection_ = 0;

  std::mutex crediting_;
  std::uint64_t revocations_ = 0;
  std::size_t credits_ = 0;  // granted and not used

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::deque<std::shared_ptr<Fetch>> waiting_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Fetch>> returning_;
  std::unordered_map<std::uint64_t, std::size_t> held_;  // bytes by delivery
  std::size_t held_bytes_ = 0;
  std::unordered_map<std::uint64_t, Holder> holders_;  // by delivery, of those that are leased
  std::unordered_map<std::uint64_t, Holder> ending_;   // whose last settlement is under way
};

}  // namespace asya::relay
