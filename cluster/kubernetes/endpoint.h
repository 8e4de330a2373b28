// Endpoint: where a Kubernetes API is, and as whom it is spoken to.
#pragma once

#include <string>

namespace asya::cluster::kubernetes {

struct Endpoint {
  std::string url;     // "https://10.96.0.1:443", without a slash at its end
  std::string ca_pem;  // empty: the system's
  // A certificate with its key, a token, a file that holds a token and is written anew now and then, or nothing.
  std::string certificate_pem;
  std::string key_pem;
  std::string token;
  std::string token_file;
  std::string namespace_ = "default";  // of who speaks
};

}  // namespace asya::cluster::kubernetes
