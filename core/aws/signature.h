// Signature: AWS Signature Version 4, in the headers of a request.
// Rules: AWS, "Signature Version 4 for API requests".
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"

namespace asya::aws {

struct AwsKeys {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // of temporary credentials; else empty
};

struct ToSign {
  std::string_view method;
  std::string_view path;   // absolute and encoded already, e.g. "/"
  std::string_view query;  // encoded and sorted already; may be empty
  // Lower case names, of all headers to be signed; "host" among them. Order does not matter.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string_view body;
  std::string_view body_sha256;  // of the body, in hexadecimal digits; empty: not known yet
};

// The Host header of a URL as libcurl sends it: without the port that goes without saying.
std::string HostOf(const std::string& url);

// "20150830T123600Z", the form of x-amz-date.
std::string AmzDate(WallTime now);

// Of one service in one region; keeps the key derived for the day, since it takes four digests.
class Signer {
 public:
  Signer(std::string region, std::string service) : region_(std::move(region)), service_(std::move(service)) {}
  // The value of the Authorization header. Not of several threads at once.
  std::string Sign(const AwsKeys& keys, const std::string& amz_date, const ToSign& request);

 private:
  const std::string region_;
  const std::string service_;
  std::string key_for_;  // whose and of which day; hashed, for no secret is kept twice
  std::string key_;
};

}  // namespace asya::aws
