// s3::Store: payloads as objects of one bucket of Amazon S3, or of what speaks its REST API.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/aws/credentials.h"
#include "core/aws/key_source.h"
#include "core/aws/signature.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/http/client.h"
#include "core/observe/metrics.h"
#include "ports/claim_store.h"

namespace asya::claims::s3 {

struct Settings {
  std::string bucket;
  std::string prefix;  // of every key, empty or ending in "/"; letters, digits and "/_.-"
  std::string region = "us-east-1";
  std::string endpoint;  // "https://host:port", which has the bucket in its paths; empty: AWS's own of the bucket
  std::string ca_pem;    // trusted certificates; empty: the system's
  aws::CredentialSettings credentials;
};

constexpr int kAttempts = 8;                           // of one request, within the timeout of its call: 4.5 s and more
constexpr std::chrono::milliseconds kFirstPause{100};  // doubles; of each, half to one and a half
constexpr std::chrono::milliseconds kLongestPause{3'000};
constexpr int kListPagesMax = 200;  // of 1,000 objects, in one call

// "{prefix}{folder}/{name}". S3 checks the hash of what is put by itself. A payload that is put again is not written
// again; a mark of the name "touched" tells when.
class Store final : public ports::ClaimStore {
 public:
  // Counts PREFIX_s3_calls_total{operation,outcome} and PREFIX_s3_retries_total{operation}.
  Store(Settings settings, const Clock& clock, observe::Metrics& metrics, std::string metric_prefix);

  Result<bool> Put(const ports::ClaimKey& key, std::string_view payload, std::chrono::milliseconds timeout) override;
  Result<std::string> Get(const ports::ClaimKey& key, std::size_t limit_bytes,
                          std::chrono::milliseconds timeout) override;
  Status SetMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) override;
  Result<bool> HasMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) override;
  // In the order of the keys.
  Result<std::vector<ports::ClaimFolder>> List(const std::string& after, std::size_t limit,
                                               std::chrono::milliseconds timeout) override;
  Result<ports::ClaimFolder> Look(const std::string& folder, std::chrono::milliseconds timeout) override;
  Status Remove(const std::string& folder, const std::vector<std::string>& names,
                std::chrono::milliseconds timeout) override;
  void EndBy(SteadyTime time) override;

 private:
  struct Call {
    const char* operation;  // of S3, e.g. "PutObject"
    std::string method;
    std::string key;    // whole; empty: of the bucket
    std::string query;  // encoded and sorted
    std::string_view body;
    std::string body_sha256;
    std::size_t answer_bytes = 1U << 20U;
  };
  // Made again where that may help. Statuses of success and 404 are values.
  Result<http::ClientResponse> Make(const Call& call, SteadyTime deadline);
  Result<http::ClientResponse> Attempt(const Call& call, const aws::AwsKeys& keys, std::chrono::milliseconds limit);
  Status PutObject(const std::string& key, std::string_view body, const std::string& sha256, SteadyTime deadline);
  // The size of an object; -1 where there is none.
  Result<std::int64_t> SizeOf(const std::string& key, SteadyTime deadline);
  // Folders whose keys follow `after`, until one more than `limit` has begun.
  Result<std::vector<ports::ClaimFolder>> Walk(const std::string& prefix, std::string after, std::size_t limit,
                                               SteadyTime deadline);
  // Before the next attempt; shorter where the end comes first.
  void Pause(std::chrono::milliseconds time);
  [[nodiscard]] SteadyTime EndsBy();
  [[nodiscard]] std::string KeyOf(const std::string& folder, const std::string& name) const;
  [[nodiscard]] SteadyTime DeadlineOf(std::chrono::milliseconds timeout) const { return clock_.Steady() + timeout; }
  void Count(const char* name, const char* help, const observe::MetricLabels& labels);

  const Settings settings_;
  std::string url_;   // before a key
  std::string host_;  // as it is signed
  std::string path_;  // of the URL
  const Clock& clock_;
  observe::Metrics& metrics_;
  const std::string metric_prefix_;
  aws::KeySource keys_;
  http::Client client_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  SteadyTime end_by_ = SteadyTime::max();
  aws::Signer signer_;
  Random random_;
  std::map<std::pair<std::string, observe::MetricLabels>, observe::Counter> counters_;  // bounded by codes
};

}  // namespace asya::claims::s3
