#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "bench/api/measure.h"
#include "bench/support/connection.h"

namespace asya::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kMark = "\"name\":\"lag-";

// Notes when the object lag-N was first seen.
class Watcher {
 public:
  Watcher(const ApiUnderTest& api, const std::string& namespace_, int writes)
      : connection_(ConnectTo(api)), seen_(static_cast<std::size_t>(writes)) {
    connection_.Begin(ActorsPath(namespace_) + "?watch=true");
    while (text_.find("\r\n\r\n") == std::string::npos) text_ += connection_.Read();
    if (!text_.starts_with("HTTP/1.1 200")) Die("a watch was refused: " + text_);
    thread_ = std::thread([this] { Follow(); });
  }
  // The times, once all are there.
  const std::vector<SteadyClock::time_point>& Wait() {
    thread_.join();
    return seen_;
  }

 private:
  void Follow() {
    for (std::size_t left = seen_.size(); left > 0;) {
      const std::string piece = connection_.Read();
      if (piece.empty()) Die("a watch ended early");
      text_ += piece;
      const auto now = SteadyClock::now();
      // The last line may not be whole yet.
      const std::size_t whole = text_.rfind('\n') + 1;
      for (std::size_t at = text_.find(kMark); at < whole; at = text_.find(kMark, at + 1)) {
        const auto number = std::strtoul(text_.c_str() + at + kMark.size(), nullptr, 10);
        auto& seen = seen_.at(number);
        if (seen == SteadyClock::time_point{}) {
          seen = now;
          --left;
        }
      }
      text_.erase(0, whole);
    }
  }

  Connection connection_;
  std::string text_;
  std::vector<SteadyClock::time_point> seen_;
  std::thread thread_;
};

double Milliseconds(SteadyClock::duration time) {
  return std::max(0.0, std::chrono::duration<double, std::milli>(time).count());
}

}  // namespace

WatchLags RunWatchers(const ApiUnderTest& watched, const ApiUnderTest& written_to, const std::string& namespace_,
                      int watchers, int writes, std::chrono::milliseconds pause) {
  std::vector<std::unique_ptr<Watcher>> watching;
  for (int i = 0; i < watchers; ++i) watching.push_back(std::make_unique<Watcher>(watched, namespace_, writes));
  Connection connection = ConnectTo(written_to);
  std::vector<SteadyClock::time_point> started;
  std::vector<SteadyClock::time_point> returned;
  for (int i = 0; i < writes; ++i) {
    started.push_back(SteadyClock::now());
    connection.Call("POST", ActorsPath(namespace_), ActorJson("lag-" + std::to_string(i)));
    returned.push_back(SteadyClock::now());
    std::this_thread::sleep_until(started.back() + pause);
  }
  WatchLags lags;
  lags.last_ms.resize(returned.size());
  for (const auto& watcher : watching) {
    const auto& seen = watcher->Wait();
    for (std::size_t i = 0; i < seen.size(); ++i) {
      lags.after_start_ms.push_back(Milliseconds(seen[i] - started[i]));
      lags.after_return_ms.push_back(Milliseconds(seen[i] - returned[i]));
      lags.last_ms[i] = std::max(lags.last_ms[i], lags.after_return_ms.back());
    }
  }
  for (auto* values : {&lags.after_start_ms, &lags.after_return_ms, &lags.last_ms}) {
    std::sort(values->begin(), values->end());
  }
  return lags;
}

void MeasureWatchLag(const ApiUnderTest& api) {
  constexpr int kWatchers = 50;
  constexpr int kWrites = 400;
  constexpr std::chrono::milliseconds kPause{5};
  MakeNamespace(api, "lag");
  const std::vector<double> lags = RunWatchers(api, api, "lag", kWatchers, kWrites, kPause).after_start_ms;
  std::printf("%-14s %-28s %12.2f  (p50 %.2f, max %.2f) ms\n", api.name.c_str(), "watch lag p99, 50 watchers",
              lags[lags.size() * 99 / 100], lags[lags.size() / 2], lags.back());
  std::fflush(stdout);
}

}  // namespace asya::bench
