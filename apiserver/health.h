// Health: /livez, /readyz and /healthz with their named checks, as kube-apiserver answers them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/http/message.h"

namespace asya::apiserver {

struct HealthCheck {
  std::string name;
  std::function<Status()> run;  // may block
  bool ready_only = false;      // not part of /livez: a server is not restarted because its database is away
};

// Whether the path is one of a health answer: /livez, /readyz, /healthz, and one check's below them.
bool IsHealthPath(const std::string& path);

// Answers by running the checks: 200 "ok", or 500 with every check and its outcome (also with ?verbose). ?exclude=NAME
// leaves checks out. 404 for a check that there is none of. Why a check failed is told, or withheld from whom nobody
// knows: it names addresses and users of the database.
http::Response AnswerHealth(const http::Request& request, const std::vector<HealthCheck>& checks, bool tell_why);

}  // namespace asya::apiserver
