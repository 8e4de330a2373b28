// DirectServer: `asya-server api`: the Kubernetes API of asya.sh on TLS: for a team, without a cluster around it, or
// behind the kube-apiserver of a cluster. Several of them may serve one PostgreSQL.
#pragma once

#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/observe/log.h"
#include "server/api_options.h"

namespace asya::server {

class DirectServer {
 public:
  // Opens the database and listens. Each failure is one message that names the cause.
  static Result<std::unique_ptr<DirectServer>> Start(const ApiOptions& options, ApiFiles files,
                                                     const observe::Logger& logger);
  ~DirectServer();
  // "127.0.0.1:6443"
  [[nodiscard]] std::string address() const;
  // Ends watches cleanly and lets running requests finish within a moment. Idempotent.
  void Stop();

 private:
  struct Parts;
  explicit DirectServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace asya::server
