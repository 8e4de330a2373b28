// Reporter: tells the gateway what became of envelopes: progress in the background, ends confirmed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/random.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "relay/http_client.h"

namespace asya::relay {

// What the relay measured of one hop.
struct Hop {
  std::int64_t attempt = 1;
  double queue_wait_ms = 0;
  double work_ms = 0;
  double cold_start_ms = 0;  // from the start of the pod to ready, on its first envelope; else 0
};

// One status of a task; docs/reference/reports.md.
struct StatusReport {
  std::string task;
  std::string parent;    // of a fan-out child
  std::string status;    // processing, completed, retrying; at an end succeeded, failed, canceled
  std::string actor;     // who reports
  std::string ended_at;  // of an end: the actor where the envelope ended; empty: `actor`
  std::string reason;
  double progress = 0;
  Hop hop;
  std::string result;  // raw JSON; may be empty
  std::string error;   // raw JSON; may be empty
};

// One item of a batch as JSON.
std::string ToJson(const StatusReport& report, const std::string& of_namespace);
// The same at the end of `out`.
void AppendJson(std::string& out, const StatusReport& report, const std::string& of_namespace);

// An end without what a gateway may refuse of it, so that it is told at all: a dead letter as bytes, without a payload
// that makes it large, anything else without the words of its result and error.
std::string PlainReport(const std::string& json);

struct ReporterLimits {
  std::size_t waiting_items = 2000;  // progress, load and FLY; the oldest are dropped
  std::size_t waiting_bytes = 2U << 20U;
  std::size_t batch_items = 200;
  std::size_t batch_bytes = 4U << 20U;
  std::chrono::milliseconds progress_delay{100};  // so that the steps of a fast call become one item
  int refusals = 3;                               // of an end, after which it is told in plainer words
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds first_pause{100};
  std::chrono::milliseconds longest_pause{10'000};
};

class Reporter {
 public:
  using OnConfirmed = std::function<void()>;

  Reporter(Reactor& reactor, const Peer& gateway, std::string namespace_, const ReporterLimits& limits, Random& random,
           observe::Logger logger, observe::Metrics& metrics, const std::string& metric_prefix);

  // Replaces what waits of the same task and actor.
  void Progress(StatusReport report);
  // In order within a task; `data` is raw JSON.
  void Fly(const std::string& task, std::string_view data);
  // How many envelopes are in work here; dropped like progress.
  void Load(std::size_t in_flight);
  // Repeats until the gateway has taken it, in plainer words after it was refused for a while; the callback comes once
  // and never from within this call.
  void Confirm(std::string json, OnConfirmed on_confirmed);
  // Calls `on_empty` when nothing waits, at the latest after `limit`. For the end of the process.
  void Flush(std::chrono::milliseconds limit, std::function<void()> on_empty);
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    StatusReport report;  // unless `fly` is given
    std::string fly;      // a whole item
    [[nodiscard]] std::size_t bytes() const { return fly.size() + report.error.size() + 256; }
  };
  struct End {
    std::string json;
    OnConfirmed on_confirmed;
    int refusals = 0;
  };
  using Queue = std::list<Waiting>;

  void Append(Waiting item);
  void DropOldest();
  void Wake(std::chrono::milliseconds delay);
  void SendBatch();
  std::string TakeBatch();
  void TakeReply(const Result<HttpClient::Reply>& reply);
  void EndRefused(int status);
  void Again(const std::string& why);
  void CheckEmpty();

  std::string namespace_;
  ReporterLimits limits_;
  Random& random_;
  observe::Logger logger_;
  observe::Counter dropped_;
  observe::Counter failures_;
  HttpClient client_;
  Timer timer_;
  Timer flush_timer_;
  Queue waiting_;
  std::unordered_map<std::string, Queue::iterator> latest_;  // by task and actor
  std::size_t waiting_bytes_ = 0;
  std::deque<End> ends_;
  std::vector<End> sent_ends_;
  std::vector<Waiting> sent_waiting_;
  std::function<void()> on_empty_;
  std::chrono::milliseconds pause_;
  std::size_t singly_ = 0;  // so many items go alone, because a batch with one of them was refused
  bool backing_off_ = false;
};

}  // namespace asya::relay
