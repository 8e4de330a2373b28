// Outlets: messages to any queues by their names, put together to batches for each.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "transports/sqs/batches.h"
#include "transports/sqs/calls.h"

namespace asya::transports::sqs {

constexpr std::size_t kKnownQueuesMax = 1024;  // then those without work are asked for again

struct OutletSettings {
  std::string account_id;
  std::chrono::milliseconds linger{5};
  std::size_t batch_bytes_max = 256U * 1024;
};

struct Addressed {
  std::string queue;
  Parcel parcel;
};

// Of one thread.
class Outlets {
 public:
  using Done = std::function<void(const Status&)>;

  Outlets(OutletSettings settings, Calls& calls, const Clock& clock);
  // `done`, once and maybe out of this call: ok when SQS has taken all. kUnroutable with the queue in `field`: at
  // least one has no queue; then none was sent, unless a queue went away just now.
  void Send(std::vector<Addressed> messages, Done done);
  void Turn(bool hurry);
  [[nodiscard]] SteadyTime deadline() const;
  // Everybody who waits gets this.
  void Fail(const Error& error);
  [[nodiscard]] bool idle() const;

 private:
  struct Group {
    std::vector<Addressed> messages;
    Done done;
    std::size_t open = 0;  // questions, then entries
    std::optional<Error> error;
  };
  struct Question {
    Calls::Id call = 0;
    std::vector<std::function<void(const Status&)>> askers;
  };

  void Ask(const std::string& queue, std::function<void(const Status&)> then);
  void Answered(const std::string& queue, const Result<std::string>& answer);
  void AddAll(const std::shared_ptr<Group>& group);
  void EntryDone(const std::shared_ptr<Group>& group, const std::string& queue, const Status& status);
  void MakeRoom();

  const OutletSettings settings_;
  Calls& calls_;
  const Clock& clock_;
  std::map<std::string, std::unique_ptr<Batches>> outlets_;  // by queue
  std::vector<std::unique_ptr<Batches>> gone_;               // of queues that went away; until the next turn
  std::map<std::string, Question> questions_;
};

// What an Unroutable of this queue is.
Error NoQueue(const std::string& queue);

}  // namespace asya::transports::sqs
