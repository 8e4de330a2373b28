// FakeCluster: a cluster that answers as a test says. For tests of apiserver/access only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>

#include "ports/cluster_access.h"

namespace asya::apiserver {

// Answers as a test says, and counts what it was asked.
class FakeCluster final : public ports::ClusterAccess {
 public:
  Result<std::optional<ports::Subject>> ReviewToken(const std::string& token) override {
    ++token_reviews;
    WaitWhileHeld();
    if (away) return asya::Fail(ErrorCode::kUnavailable, "away");
    if (token != "t0ken-ada") return std::optional<ports::Subject>();
    return std::optional<ports::Subject>(ports::Subject{"ada", "7", {"vision"}, {{"scopes", {"x"}}}});
  }
  Result<ports::AccessAnswer> ReviewAccess(const ports::AccessQuestion& question) override {
    ++access_reviews;
    last = question;
    if (away) return asya::Fail(ErrorCode::kTimeout, "away");
    const bool yes = allows && question.verb + " " + question.resource + " " + question.name != refused;
    return ports::AccessAnswer{yes, yes ? "" : "RBAC: no"};
  }
  Result<ports::NamespaceState> StateOf(const std::string& /*namespace_*/) override {
    if (away) return asya::Fail(ErrorCode::kUnavailable, "away");
    return state.load();
  }

  // From now on token reviews wait for Release.
  void Hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void Release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  // Returns when so many of them wait.
  void AwaitHeld(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

  std::atomic<bool> away = false;
  std::atomic<bool> allows = true;
  std::atomic<ports::NamespaceState> state = ports::NamespaceState::kActive;
  std::atomic<int> token_reviews = 0;
  int access_reviews = 0;
  ports::AccessQuestion last;
  std::string refused;  // "verb resource name" of a question that is answered with no, whatever `allows` says

 private:
  void WaitWhileHeld() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    --waiting_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  std::size_t waiting_ = 0;
};

}  // namespace asya::apiserver
