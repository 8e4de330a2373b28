// Container: one program of a replica, kept running until it is told to end, with growing pauses when it crashes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cluster/local/child_process.h"
#include "cluster/local/event_loop.h"
#include "cluster/local/log_file.h"

namespace asya::cluster::local {

// Pause before a restart: doubles with each crash, and begins anew after the program ran for the calm time.
inline constexpr std::chrono::milliseconds kFirstRestartPause{100};
inline constexpr std::chrono::milliseconds kLongestRestartPause{30000};
inline constexpr std::chrono::seconds kCalmTime{60};

// Lives on the loop's thread.
class Container {
 public:
  struct Events {
    std::function<void()> on_started;  // also after a restart; mark() is new
    std::function<void()> on_ended;    // ended or could not be started; Running() is false
  };
  Container(EventLoop& loop, const Clock& clock, LogFile& log, std::string name, ProgramStart program, Events events);
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  void Start();
  // From now on an end is final.
  void Forbid();
  void Signal(int signal) const;
  void KillGroup() const;

  [[nodiscard]] bool Running() const { return child_.has_value(); }
  [[nodiscard]] ProcessMark mark() const { return child_->mark(); }
  [[nodiscard]] std::int64_t restarts() const { return restarts_; }
  // Empty while all is well; else e.g. "asya-runtime exited with status 1; next start in 4 s".
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  // It does its work: what went wrong before is over.
  void ForgetTrouble() { trouble_.clear(); }

 private:
  void OnEnd();
  void OnOutput();
  void StopWatching();
  void StartLater(const std::string& cause);

  EventLoop& loop_;
  const Clock& clock_;
  LogFile& log_;
  const std::string name_;
  const ProgramStart program_;
  const Events events_;
  std::optional<ChildProcess> child_;
  LineBuffer lines_;
  SteadyTime started_at_{};
  std::chrono::milliseconds pause_ = kFirstRestartPause;
  EventLoop::TimerId restart_ = 0;
  std::int64_t restarts_ = 0;
  bool forbidden_ = false;
  bool output_open_ = false;
  std::string trouble_;
};

}  // namespace asya::cluster::local
