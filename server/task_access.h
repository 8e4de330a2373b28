// TaskAccess: who may do what with tasks behind a server of a cluster: users by the rights of the cluster, relays by
// the token of their pod.
#pragma once

#include <functional>
#include <string>

#include "apiserver/api_server.h"
#include "apiserver/outcome.h"
#include "core/http/message.h"
#include "ports/task_store.h"

namespace asya::server {

// What of a namespace's tasks a user asks for; the resources are `tasks` and `deadletters` of asya.sh, and nobody else
// serves them. An empty namespace means all of them.
struct TaskQuestion {
  std::string verb;
  std::string resource;
  std::string namespace_;
};
// Blocks. An error is the answer where it cannot be told now.
using TaskRights = std::function<apiserver::Outcome<bool>(const apiserver::User& user, const TaskQuestion& question)>;

// Lets through to `next` of tasks what the user may do: to create in a namespace, to list in one or in all, to get, and
// to delete, which cancels. A replay needs to get the dead letter and to create tasks. A task that a user may not have
// looks like one that is not there. What is no path of tasks goes to `others`. No body is looked at. Blocks; `tasks`
// lives longer.
http::Handler GuardTasks(apiserver::Authenticator authenticate, TaskRights rights, ports::TaskStore& tasks,
                         http::Handler next, http::Handler others);

// Has the body read of whom `authenticate` knows, for `read`; who nobody knows is answered without it. A request of
// which nothing is pending goes to `whole` at once. May block.
http::Handler GuardBody(apiserver::Authenticator authenticate, http::Handler whole, http::Handler read);

// Lets through to `next` who is a pod's ServiceAccount, and notes its namespace and the pod in the
// request.
http::Handler GuardReports(apiserver::Authenticator authenticate, http::Handler next);
// That namespace.
std::string ReporterNamespace(const http::Request& request);
// The pod, by its token; empty where that was made for none.
std::string ReporterPod(const http::Request& request);

}  // namespace asya::server
