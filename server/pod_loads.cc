#include "server/pod_loads.h"

#include <utility>

namespace asya::server {
namespace {

observe::Counter Told(observe::Metrics& metrics, const char* result) {
  return metrics.MakeCounter(
      "asya_pod_loads_total",
      "What relays told of their work: written to their pods, failed to be, and left out because "
      "too many waited or because it failed too often.",
      {{"result", result}});
}

}  // namespace

PodLoads::PodLoads(Write write, observe::Logger logger, observe::Metrics& metrics)
    : write_(std::move(write)),
      logger_(std::move(logger)),
      written_(Told(metrics, "written")),
      failed_(Told(metrics, "failed")),
      dropped_(Told(metrics, "dropped")),
      writes_([this] { return WriteNext(); }) {}

void PodLoads::Take(const std::string& namespace_, const std::string& pod, std::int64_t in_flight) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = words_.find({namespace_, pod});
    if (found != words_.end()) {
      found->second = Word{in_flight, 0};
    } else if (words_.size() >= kPodsMax) {
      return dropped_.Add();
    } else {
      order_.emplace_back(namespace_, pod);
      words_[order_.back()] = Word{in_flight, 0};
    }
  }
  writes_.Ask();
}

Periodic::Pause PodLoads::WriteNext() {
  while (!writes_.stopping()) {
    Key key;
    Word word;
    {
      const std::lock_guard lock(mutex_);
      if (order_.empty()) break;
      key = std::move(order_.front());
      order_.pop_front();
      const auto found = words_.find(key);
      word = found->second;
      words_.erase(found);
    }
    const Result<bool> written = write_(key.first, key.second, word.in_flight);
    if (!written.ok()) return Failed(key, word, written.error());
    if (!*written) continue;
    written_.Add();
    return Periodic::Every(kWriteGap);
  }
  return {{}, kAwayPause};
}

Periodic::Pause PodLoads::Failed(const Key& key, Word word, const Error& error) {
  failed_.Add();
  logger_.Warning("it could not be written that a pod has work, or none",
                  {{"namespace", key.first}, {"pod", key.second}, {"error", error.message}});
  const bool away = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
  if (++word.tries >= kTriesMax) {
    dropped_.Add();
  } else {
    const std::lock_guard lock(mutex_);
    // Behind the others, unless something newer was told meanwhile.
    if (words_.try_emplace(key, word).second) order_.push_back(key);
  }
  return Periodic::Every(away ? kAwayPause : kWriteGap);
}

}  // namespace asya::server
