// ServerFile: .asya/local/server.json, by which clients find the server of a project.
#pragma once

#include <string>

#include "core/base/result.h"

namespace asya::server {

struct ServerFile {
  std::string url;      // "http://127.0.0.1:PORT"
  std::string tls_url;  // "https://127.0.0.1:PORT"
  std::string ca_pem;
  std::string token;
  std::int64_t pid = 0;
  std::string version;
};

// Mode 0600; replaced atomically.
Status WriteServerFile(const std::string& path, const ServerFile& file);

// The token and the identity are kept over restarts, so that a kubeconfig stays good: read from `path`, or made and
// written there (0600).
Result<std::string> KeepSecret(const std::string& path, const std::string& fresh);

}  // namespace asya::server
