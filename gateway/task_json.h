// TaskJson: tasks, their events and dead letters as the API shows them.
#pragma once

#include <string>

#include "core/http/message.h"
#include "core/json/value.h"
#include "ports/task_store.h"

namespace asya::gateway {

// Raw JSON of payload, result and error is placed as it is stored, not decoded and encoded again.
std::string TaskJson(const ports::Task& task, bool with_payload);
// The same without the braces, so that other members may follow.
void AppendTaskMembers(std::string& out, const ports::Task& task, bool with_payload);
// What stands before the id of a task in its path, below the one that was asked for: "/api/v1/tasks/", or that of the
// API group (WithGroupPaths).
std::string TasksPath(const http::Request& request);
std::string DeadLetterJson(const ports::DeadLetter& letter, bool with_envelope);

}  // namespace asya::gateway
