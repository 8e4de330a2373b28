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

constexpr int kWatchers = 50;
constexpr int kWrites = 400;
constexpr std::chrono::milliseconds kWritePause{5};
constexpr std::string_view kMark = "\"name\":\"lag-";

// Notes when the object lag-N was first seen.
class Watcher {
 public:
  explicit Watcher(const ApiUnderTest& api) : connection_(api.address, api.token), seen_(kWrites) {
    connection_.Begin(ActorsPath("lag") + "?watch=true");
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
    for (int left = kWrites; left > 0;) {
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

}  // namespace

void MeasureWatchLag(const ApiUnderTest& api) {
  MakeNamespace(api, "lag");
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < kWatchers; ++i) watchers.push_back(std::make_unique<Watcher>(api));
  Connection connection(api.address, api.token);
  std::vector<SteadyClock::time_point> written;
  for (int i = 0; i < kWrites; ++i) {
    written.push_back(SteadyClock::now());
    connection.Call("POST", ActorsPath("lag"), ActorJson("lag-" + std::to_string(i)));
    std::this_thread::sleep_until(written.back() + kWritePause);
  }
  std::vector<double> lags;
  for (const auto& watcher : watchers) {
    const auto& seen = watcher->Wait();
    for (std::size_t i = 0; i < seen.size(); ++i) {
      lags.push_back(std::chrono::duration<double, std::milli>(seen[i] - written[i]).count());
    }
  }
  std::sort(lags.begin(), lags.end());
  std::printf("%-14s %-28s %12.2f  (p50 %.2f, max %.2f) ms\n", api.name.c_str(), "watch lag p99, 50 watchers",
              lags[lags.size() * 99 / 100], lags[lags.size() / 2], lags.back());
  std::fflush(stdout);
}

}  // namespace asya::bench
