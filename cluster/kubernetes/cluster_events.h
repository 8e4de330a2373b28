// ClusterEvents: events of objects as core/v1 Events of a cluster, in the object's namespace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "cluster/kubernetes/client.h"
#include "core/base/clock.h"
#include "core/observe/log.h"
#include "ports/event_recorder.h"

namespace asya::cluster::kubernetes {

// Thread safe; a call takes one request or two. The cluster forgets an Event an hour after it was written last.
class ClusterEvents final : public ports::EventRecorder {
 public:
  static constexpr std::size_t kMessageBytesMax = 1024;  // as the API has it
  static constexpr std::size_t kCountsMax = 10'000;      // of Events whose count is remembered; then all are forgotten

  ClusterEvents(Client& client, const Clock& clock, observe::Logger log)
      : client_(client), clock_(clock), log_(std::move(log)) {}
  void Tell(const json::Value& object, bool is_warning, const std::string& reason, const std::string& message) override;

 private:
  Result<std::int64_t> CountOf(const std::string& path);
  Status Write(const std::string& collection, json::Value event);

  Client& client_;
  const Clock& clock_;
  const observe::Logger log_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> counts_;  // by path
};

}  // namespace asya::cluster::kubernetes
