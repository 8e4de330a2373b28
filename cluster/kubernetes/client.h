// Client: calls of a Kubernetes API in JSON, each with a deadline and within a limit of their rate.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/kubernetes/call_budget.h"
#include "cluster/kubernetes/client_metrics.h"
#include "cluster/kubernetes/endpoint.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/http/client.h"
#include "core/json/value.h"

namespace asya::cluster::kubernetes {

inline constexpr std::chrono::milliseconds kCallDeadline{5000};
inline constexpr std::chrono::milliseconds kBudgetPatience{10'000};
inline constexpr std::size_t kAnswerBytesMax = 16U << 20U;

struct Call {
  std::string method = "GET";
  std::string path;  // with its query
  std::optional<json::Value> body{};
  std::string content_type = "application/json";
  std::chrono::milliseconds deadline = kCallDeadline;  // without the wait for the limit, of at most kBudgetPatience
  Priority priority = Priority::kUsual;
};

// A call whose answer comes line by line for as long as it is open, such as a watch.
struct Stream {
  std::string path;  // with its query
  // Each line without its end, also those of a refusal; false ends the call.
  std::function<bool(std::string_view line)> on_line;
  // Asked about once a second; true ends the call.
  std::function<bool()> is_over;
  std::chrono::milliseconds deadline = kCallDeadline;  // for the whole call
};

// Blocking, thread safe; keeps connections.
class Client {
 public:
  // How long the token of a file is used before the file is looked at again; at once after an answer of 401.
  static constexpr std::chrono::seconds kTokenAgeMax{60};

  // `clock` and `metrics`, where there is one, live longer.
  Client(Endpoint endpoint, const Clock& clock, observe::Metrics* metrics = nullptr);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // What was answered with a 2xx. Any other answer is an error of the code that its Status stands for, with the
  // message of that; kUnavailable and kTimeout where there was none.
  Result<json::Value> Send(const Call& call);
  Result<json::Value> Get(const std::string& path) { return Send({"GET", path}); }
  // In a collection, such as "/api/v1/namespaces/default/configmaps".
  Result<json::Value> Create(const std::string& collection, json::Value object) {
    return Send({"POST", collection, std::move(object)});
  }
  // Ends the calls under way within about a second, and refuses later ones: kClosed. For good; who stops must not wait
  // for a cluster that does not answer.
  void Cancel() {
    cancelled_ = true;
    cancelled_now_.notify_all();
  }
  // Returns when the answer has ended; kClosed where on_line or is_over ended it, kTooLarge for a line that is longer
  // than an answer may be.
  Status Follow(const Stream& stream);
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

 private:
  // Empty where who speaks has none. `stale`: one that was refused; it is read again unless somebody has done so.
  Result<std::string> Token(const std::string& stale);
  [[nodiscard]] http::ClientRequest RequestFor(const std::string& path, const std::string& token) const;
  Result<http::ClientResponse> SendOnce(const Call& call, const std::string& token);
  // kTooMany: there was no call left in kBudgetPatience. kClosed: cancelled.
  Status TakeFromBudget(Priority priority);

  const Endpoint endpoint_;
  const Clock& clock_;
  http::Client http_;
  const ClientMetrics metrics_;
  CallBudget budget_;
  std::atomic<bool> cancelled_ = false;
  std::condition_variable cancelled_now_;
  std::mutex mutex_;
  std::string token_;  // of the file
  SteadyTime token_read_at_{};
};

}  // namespace asya::cluster::kubernetes
