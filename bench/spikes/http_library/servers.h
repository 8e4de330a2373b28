// The two servers under comparison and what both of them answer.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

constexpr int kBodyBytes = 512;
constexpr int kWatchLines = 1000;
constexpr int kWatchEveryMs = 1;

inline const std::string& Body() {
  static const std::string body(kBodyBytes, 'x');
  return body;
}

// Runs `work` in a thread of its own that lasts as long as the process, which is made to be killed.
inline void InBackground(std::function<void()> work) {
  static std::mutex mutex;
  static auto* const threads = new std::vector<std::thread>;
  const std::lock_guard lock(mutex);
  threads->emplace_back(std::move(work));
}

// Serve on 127.0.0.1:port until the process ends.
void ServeBeast(int port, int threads);
void ServePistache(int port, int threads);
