// CreateTask: POST /api/v1/tasks: checks the request, builds the first envelope and stores task and message together.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/http/message.h"
#include "core/json/value.h"
#include "gateway/gateway.h"

namespace asya::gateway {

// Runs on the executor, since it may ask the store; the answer comes once the task is stored, from another thread.
void CreateTask(const http::Request& request, http::Responder responder, const Deps& deps, const Limits& limits);

// Where a new task goes and what it carries.
struct NewTask {
  std::string namespace_;
  std::string flow;
  std::string actor;
  std::vector<std::string> prev;
  std::vector<std::string> next;
  std::string payload = "null";  // raw JSON
  json::Object headers;
  std::optional<std::chrono::microseconds> timeout;
  std::string replay_of;
  std::string labels_json;  // object of texts; empty if none
};
// Stores the task and sends its first envelope. Blocking.
Result<ports::Task> Send(const NewTask& wanted, const std::optional<ports::IdempotencyKey>& key, const Deps& deps);

}  // namespace asya::gateway
