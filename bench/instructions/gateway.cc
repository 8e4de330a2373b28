// The gateway and its task store alone, for gateway.py: bench_gateway serve FOLDER, and beside it
// bench_gateway send OUTER INNER IN_FLIGHT ITEMS, which is the client and the relays of a chain of three steps: each
// item is created, waited for, and reported by three relays and x-sink's, in batches as relays send them.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/instructions/gateway_host.h"
#include "bench/support/connection.h"
#include "core/json/parse.h"

namespace asya::bench {
namespace {

constexpr std::size_t kPayloadBytes = 1024;
constexpr std::size_t kBatchItems = 200;
constexpr std::chrono::milliseconds kProgressDelay{100};  // that of the relays' reporter

std::string Payload() { return R"({"text":")" + std::string(kPayloadBytes, 'x') + "\"}"; }

// What one relay says of each item, after the words that all have in common.
struct Step {
  std::string actor;
  std::string words;
  bool is_end = false;
};

std::vector<Step> Steps() {
  const auto hop = [](const std::string& actor) {
    return R"(,"hop":{"actor":")" + actor +
           R"(","attempt":1,"queue_wait_ms":1.234,"work_ms":0.321,"cold_start_ms":0.000})";
  };
  const auto done = [&hop](const std::string& actor, const std::string& progress) {
    return Step{actor, R"("completed","actor":")" + actor + R"(","progress":)" + progress + hop(actor)};
  };
  return {done("first", "0.333"), done("second", "0.667"), done("third", "1.000"),
          Step{"x-sink",
               R"("succeeded","actor":"third","reason":"Completed","progress":1.000)" + hop("x-sink") +
                   R"(,"result":)" + Payload(),
               true}};
}

// A relay that reports the items it is given: the end at once, progress after the delay of the relays.
class Reporting {
 public:
  Reporting(const std::string& address, Step step)
      : step_(std::move(step)), connection_(address, ""), thread_([this] { Work(); }) {}

  void Put(const std::string& id) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(id);
    }
    changed_.notify_one();
  }
  void End() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

 private:
  void Work() {
    for (;;) {
      std::deque<std::string> ids;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (!step_.is_end) changed_.wait_for(lock, kProgressDelay, [this] { return ending_; });
        if (waiting_.empty()) return;
        ids.swap(waiting_);
      }
      while (!ids.empty()) connection_.Call("POST", "/api/v1/events", TakeBatch(ids));
    }
  }
  std::string TakeBatch(std::deque<std::string>& ids) const {
    std::string batch = "[";
    for (std::size_t i = 0; i < kBatchItems && !ids.empty(); ++i) {
      if (i > 0) batch += ',';
      batch +=
          R"({"type":"status","task":")" + ids.front() + R"(","namespace":"default","status":)" + step_.words + '}';
      ids.pop_front();
    }
    return batch + ']';
  }

  const Step step_;
  Connection connection_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> waiting_;
  bool ending_ = false;
  std::thread thread_;
};

int Send(const std::string& outer, const std::string& inner, std::size_t in_flight, std::size_t items) {
  std::list<Reporting> relays;
  for (Step& step : Steps()) relays.emplace_back(inner, std::move(step));
  const std::string body = R"({"payload":)" + Payload() + R"(,"next":["second","third"]})";
  std::atomic<std::size_t> taken{0};
  const auto work = [&] {
    Connection connection(outer, "");
    while (taken.fetch_add(1) < items) {
      const auto created = json::Parse(connection.Call("POST", "/api/v1/tasks?actor=first", body));
      const std::string id = created.value().GetString("id").value_or("");
      for (Reporting& relay : relays) relay.Put(id);
      const auto task = json::Parse(connection.Call("GET", "/api/v1/tasks/" + id + "?wait=60s", ""));
      if (task.value().GetString("status").value_or("") != "succeeded") Die("task " + id + " did not succeed");
    }
  };
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < in_flight; ++i) clients.emplace_back(work);
  for (std::thread& client : clients) client.join();
  for (Reporting& relay : relays) relay.End();
  return 0;
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) {
  const std::vector<std::string> given(words + 1, words + count);
  if (given.size() == 2 && given[0] == "serve") return asya::bench::ServeGateway(given[1]);
  if (given.size() == 5 && given[0] == "send") {
    return asya::bench::Send(given[1], given[2], std::stoul(given[3]), std::stoul(given[4]));
  }
  std::fprintf(stderr, "usage: bench_gateway serve FOLDER | bench_gateway send OUTER INNER IN_FLIGHT ITEMS\n");
  return 2;
}
