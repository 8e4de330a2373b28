// Installation: whether this server is the one that the cluster's objects of asya.sh are to be had from: its database
// is the one that the cluster knows, and not another one, or emptied, and the cluster has no definitions of its own. Of
// any other no answer may be believed, since a garbage collector takes an owner that is not found for one that is gone.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "cluster/kubernetes/client.h"
#include "core/base/result.h"
#include "core/http/message.h"
#include "core/observe/log.h"
#include "server/repeated.h"

namespace asya::server {

inline constexpr const char* kInstallationName = "asya-installation";  // of the ConfigMap
// Of the Lease by which one of the servers of an installation works on actors.
inline constexpr const char* kControllersLease = "asya-controllers";

class Installation {
 public:
  static constexpr std::chrono::seconds kPeriod{5};  // between looks

  // What the database says of itself.
  using ReadId = std::function<Result<std::string>()>;

  // The ConfigMap lies in the namespace of who speaks to the cluster. All of these live longer.
  Installation(cluster::kubernetes::Client& client, ReadId read_id, observe::Logger logger);
  // Looks at once and then every kPeriod.
  void Start() { repeated_.Start(); }
  // Idempotent.
  void Stop() { repeated_.Stop(); }
  // One look, on this thread: makes the ConfigMap where it is missing. Fails where the two differ, or where the cluster
  // has CustomResourceDefinitions of our kinds; where something cannot be read, what was known before holds.
  Status Look();
  // Ok once the two were seen to be the same, and were not seen to differ since.
  [[nodiscard]] Status Trusted() const;
  // Answers 503 in place of `next` for objects while the database is not trusted.
  [[nodiscard]] http::Handler Guard(http::Handler next) const;

 private:
  Result<std::string> KnownId(const std::string& own);

  cluster::kubernetes::Client& client_;
  const ReadId read_id_;
  const observe::Logger logger_;
  mutable std::mutex mutex_;
  std::optional<Error> doubt_;
  bool without_definitions_ = false;  // seen once; who makes one later finds the APIService taken
  Repeated repeated_;
};

}  // namespace asya::server
