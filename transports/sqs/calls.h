// Calls: calls of SQS of one thread: signed, counted, each with a deadline, made again where that may help.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/aws/credentials.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/http/transfers.h"
#include "transports/sqs/call_counts.h"
#include "transports/sqs/replies.h"
#include "transports/sqs/requests.h"

namespace asya::transports::sqs {

// Where SQS is and who we are there.
struct ServiceSettings {
  std::string region = "us-east-1";
  std::string endpoint;    // "https://sqs.REGION.amazonaws.com" when empty
  std::string account_id;  // of the queues; empty: our own
  std::string ca_pem;      // trusted certificates; empty: the system's
  aws::CredentialSettings credentials;
};

constexpr std::chrono::milliseconds kBackoffFirst{100};  // doubles; of each, half to one and a half
constexpr std::chrono::milliseconds kBackoffMost{5'000};
constexpr std::chrono::seconds kCallLimit{10};       // for an answer, above what a long poll waits
constexpr std::size_t kAnswerBytesMax = 64U << 20U;  // ten messages, each byte of them escaped

struct CallPolicy {
  std::chrono::milliseconds limit = kCallLimit;  // for one answer
  int attempts = 5;
  bool keeps_leases = false;  // about the queue that leases are of: whether it is answered is told by failing_since()
};

class Calls {
 public:
  using Id = std::uint64_t;
  using Done = std::function<void(Result<std::string>)>;

  Calls(const ServiceSettings& settings, http::Transfers& transfers, const Clock& clock, Random& random,
        CallCounts* counts);

  // `done` comes out of a turn of `transfers` or of ours, never out of this call.
  Id Begin(Action action, std::string body, CallPolicy policy, Done done);
  // Its `done` never comes; the connection is closed.
  void Cancel(Id id);
  void CancelAll();
  // Makes again what is due. To be called once a turn, and at deadline().
  void Turn();
  [[nodiscard]] SteadyTime deadline() const;
  [[nodiscard]] std::size_t count() const { return calls_.size(); }
  // Since when no call that keeps leases has succeeded though some were made; nullopt when the last one did. Refusals
  // are answers.
  [[nodiscard]] std::optional<SteadyTime> failing_since() const { return failing_since_; }

 private:
  struct Call {
    Action action = Action::kReceiveMessage;
    std::string body;
    CallPolicy policy;
    Done done;
    int attempt = 0;
    std::optional<SteadyTime> due;  // waits for its next attempt
    http::Transfers::Id transfer = 0;
    aws::AwsKeys keys;
  };

  void Attempt(Id id);
  void Send(Id id, const aws::AwsKeys& keys);
  void Answered(Id id, Result<http::ClientResponse> answer);
  void Failed(Id id, Error error, bool again);
  void End(Id id, Result<std::string> outcome);

  const ServiceSettings settings_;
  std::string url_;
  std::string host_;
  http::Transfers& transfers_;
  const Clock& clock_;
  Random& random_;
  CallCounts* counts_;
  aws::Credentials credentials_;
  aws::Signer signer_;
  Id last_id_ = 0;
  std::map<Id, Call> calls_;  // bounded by whoever calls
  std::optional<SteadyTime> failing_since_;
};

// "https://host:port", without path. kInvalid never repeats what may hold a secret.
Status CheckEndpoint(const std::string& endpoint);

}  // namespace asya::transports::sqs
