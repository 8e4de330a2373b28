// Batches: single sends, deletes or changes for one queue, put together to calls of ten; each entry ends by itself.
// A call that SQS refuses for what is in it is made again for each of its entries alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "transports/sqs/calls.h"

namespace asya::transports::sqs {

constexpr std::size_t kBatchCallsMax = 8;  // of one queue and action, under way at once
// An entry waits for others for half as long as SQS takes to answer, but not longer than this.
constexpr std::chrono::milliseconds kLingerMost{50};
constexpr int kEntryAttempts = 5;                      // of an entry that SQS itself failed at
constexpr std::chrono::milliseconds kEntryPause{100};  // before the second; doubles

struct BatchSettings {
  Action action = Action::kSendMessageBatch;
  std::string url;                      // of the queue
  std::chrono::milliseconds linger{0};  // how long an entry waits for others, at least
  std::size_t bytes_max = 256U * 1024;  // of all bodies of a call; one entry may always go alone
  bool keeps_leases = false;            // see CallPolicy
};

// Of one thread.
class Batches {
 public:
  using Done = std::function<void(const Status&)>;

  Batches(BatchSettings settings, Calls& calls, const Clock& clock);
  // `entry` as requests.h makes it. `done` comes out of a later turn: ok, or why SQS did not take it.
  // Bounded by whoever adds: an entry belongs to a lease or to a caller who waits.
  void Add(std::string entry, std::size_t bytes, Done done);
  // Sends what is full or has waited long enough; with `hurry` everything.
  void Turn(bool hurry);
  // When Turn has something to send if nothing happens.
  [[nodiscard]] SteadyTime deadline() const;
  // Calls under way are given up; everybody who waits gets this.
  void Fail(const Error& error);
  [[nodiscard]] bool idle() const { return waiting_.empty() && later_.empty() && under_way_.empty(); }

 private:
  struct Entry {
    std::string text;
    std::size_t bytes = 0;
    Done done;
    SteadyTime since{};
    int attempt = 0;
    bool alone = false;  // a call of several that it was in was refused as a whole
  };
  using Entries = std::vector<Entry>;

  [[nodiscard]] bool IsFull() const;
  Entries TakeBatch();
  void Send(Entries entries);
  [[nodiscard]] SteadyTime::duration Linger() const;
  void Answered(Entries entries, const Result<std::string>& answer);
  void SendEachAlone(Entries entries);

  const BatchSettings settings_;
  Calls& calls_;
  const Clock& clock_;
  std::deque<Entry> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::multimap<SteadyTime, Entry> later_;  // failed once, and when they are to be tried again
  struct Sent {
    Entries entries;
    SteadyTime began{};
  };
  std::map<Calls::Id, Sent> under_way_;
  SteadyTime::duration took_{};  // the last call
};

}  // namespace asya::transports::sqs
