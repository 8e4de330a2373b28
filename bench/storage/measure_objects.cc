#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/storage/measure.h"

namespace asya::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;
using ports::Record;

constexpr int kListedObjects = 10'000;
constexpr int kWatchers = 50;
constexpr int kWatchedWrites = 400;
constexpr std::size_t kBodyBytes = 2000;  // of an AsyncActor with status and managed fields
constexpr int kRounds = 5;
constexpr std::chrono::milliseconds kRoundTime{400};

const ports::Author kAuthor{"bench", "bench", "create", true};

Record MakeRecord(const std::string& namespace_, const std::string& name) {
  Record record;
  record.key = {"asyncactors", namespace_, name};
  record.uid = namespace_ + "/" + name;
  record.labels = {{"app.kubernetes.io/part-of", "asya"}, {"asya.sh/actor", name}};
  record.json = std::make_shared<const std::string>(
      R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":")" + name +
      R"("},"spec":{"image":")" + std::string(kBodyBytes, 'x') + R"("}})");
  return record;
}

void Row(const std::string& store, const char* what, std::vector<double> values, const char* unit) {
  std::sort(values.begin(), values.end());
  std::printf("%-10s %-28s %12.1f  (%.1f - %.1f) %s\n", store.c_str(), what, values[values.size() / 2], values.front(),
              values.back(), unit);
  std::fflush(stdout);
}

// Calls `work(client, i)` from that many threads for one round; returns calls a second.
double RunClients(int clients, const std::function<void(int, int)>& work) {
  std::atomic<int> calls = 0;
  const auto start = SteadyClock::now();
  std::vector<std::thread> threads;
  for (int client = 0; client < clients; ++client) {
    threads.emplace_back([&, client] {
      for (int i = 0; SteadyClock::now() - start < kRoundTime; ++i, ++calls) work(client, i);
    });
  }
  for (auto& thread : threads) thread.join();
  return calls / std::chrono::duration<double>(SteadyClock::now() - start).count();
}

void MeasureCreates(const StoreUnderTest& store, int clients, const char* what) {
  std::vector<double> values;
  for (int round = 0; round < kRounds; ++round) {
    const std::string place = "c" + std::to_string(clients) + "-" + std::to_string(round);
    values.push_back(RunClients(clients, [&](int client, int i) {
      const auto created =
          store.objects.Create(MakeRecord(place, std::to_string(client) + "-" + std::to_string(i)), kAuthor);
      if (!created.ok()) std::fprintf(stderr, "create: %s\n", created.error().message.c_str());
    }));
  }
  Row(store.name, what, values, "/s");
}

void FillList(const StoreUnderTest& store) {
  constexpr int kClients = 16;
  std::vector<std::thread> threads;
  for (int client = 0; client < kClients; ++client) {
    threads.emplace_back([&, client] {
      for (int i = client; i < kListedObjects; i += kClients) {
        if (!store.objects.Create(MakeRecord("list", "n" + std::to_string(i)), kAuthor).ok()) std::abort();
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

void MeasureGets(const StoreUnderTest& store, int clients, const char* what) {
  std::vector<double> values;
  for (int round = 0; round < kRounds; ++round) {
    values.push_back(RunClients(clients, [&](int client, int i) {
      const std::string name = "n" + std::to_string((client * 7919 + i) % kListedObjects);
      if (!store.objects.Get({"asyncactors", "list", name}).ok()) std::abort();
    }));
  }
  Row(store.name, what, values, "/s");
}

void MeasureList(const StoreUnderTest& store, std::int64_t limit, const char* what) {
  std::vector<double> values;
  for (int round = 0; round < kRounds; ++round) {
    ports::ListQuery query;
    query.resource = "asyncactors";
    query.namespace_ = "list";
    query.limit = limit;
    const auto start = SteadyClock::now();
    const auto page = store.objects.List(query);
    if (!page.ok() || page->items.empty()) std::abort();
    values.push_back(std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count());
  }
  Row(store.name, what, values, "ms");
}

// Notes when each event comes.
class TimingSink final : public ports::WatchSink {
 public:
  void OnEvents(std::span<const ports::Event> events) override {
    const auto now = SteadyClock::now();
    const std::lock_guard lock(mutex_);
    for (const auto& event : events) {
      if (event.type != ports::Event::Type::kBookmark) seen_.emplace_back(event.record.revision, now);
    }
    changed_.notify_all();
  }
  void OnClosed(const Error& error) override { std::fprintf(stderr, "watch closed: %s\n", error.message.c_str()); }

  std::vector<std::pair<ports::Revision, SteadyClock::time_point>> Wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(30), [&] { return seen_.size() >= count; });
    return seen_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<ports::Revision, SteadyClock::time_point>> seen_;
};

// From the start of a write to its event at each watcher, at 200 writes a second.
void MeasureWatchLag(const StoreUnderTest& store) {
  std::vector<std::shared_ptr<TimingSink>> sinks;
  std::vector<std::shared_ptr<void>> watches;
  for (int i = 0; i < kWatchers; ++i) {
    sinks.push_back(std::make_shared<TimingSink>());
    watches.push_back(store.objects.Watch({"asyncactors", "lag"}, *store.objects.Head(), sinks.back()).value());
  }
  std::vector<std::pair<ports::Revision, SteadyClock::time_point>> written;
  for (int i = 0; i < kWatchedWrites; ++i) {
    const auto start = SteadyClock::now();
    written.emplace_back(store.objects.Create(MakeRecord("lag", std::to_string(i)), kAuthor)->revision, start);
    std::this_thread::sleep_until(start + std::chrono::milliseconds(5));
  }
  std::vector<double> lags;
  for (const auto& sink : sinks) {
    const auto seen = sink->Wait(written.size());
    for (std::size_t i = 0; i < std::min(seen.size(), written.size()); ++i) {
      lags.push_back(std::chrono::duration<double, std::milli>(seen[i].second - written[i].second).count());
    }
  }
  std::sort(lags.begin(), lags.end());
  std::printf("%-10s %-28s %12.2f  (p50 %.2f, max %.2f) ms\n", store.name.c_str(), "watch lag p99, 50 watchers",
              lags[lags.size() * 99 / 100], lags[lags.size() / 2], lags.back());
}

}  // namespace

void MeasureObjects(const StoreUnderTest& store) {
  MeasureCreates(store, 1, "creates, 1 client");
  MeasureCreates(store, 16, "creates, 16 clients");
  FillList(store);
  MeasureGets(store, 1, "gets, 1 client");
  MeasureGets(store, 16, "gets, 16 clients");
  MeasureList(store, 0, "list of 10,000");
  MeasureList(store, 500, "page of 500 of 10,000");
  MeasureWatchLag(store);
}

}  // namespace asya::bench
