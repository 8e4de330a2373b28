// LocalServer: the whole control plane of one project on this machine, started part by part and stopped in reverse.
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/observe/log.h"
#include "server/options.h"

namespace asya::server {

inline constexpr const char* kServerVersion = "0.1.0";

class LocalServer {
 public:
  // Opens the store, starts broker, cluster, scaler, reconcilers, API and gateway, and then writes server.json. Each
  // failure is one message that names the cause: a second server on the folder, a broken store, a busy port.
  static Result<std::unique_ptr<LocalServer>> Start(const LocalOptions& options, const Environment& environment,
                                                    const observe::Logger& logger);
  ~LocalServer();
  // Lets running work finish within its grace, then ends everything. Idempotent.
  void Stop();

 private:
  struct Parts;
  explicit LocalServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace asya::server
