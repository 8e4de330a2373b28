#include "server/task_access.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "apiserver/status_error.h"
#include "core/http/target.h"
#include "gateway/problem.h"

namespace asya::server {
namespace {

constexpr const char* kReporter = "X-Asya-Reporter-Namespace";             // set by GuardReports alone
constexpr const char* kReporterPod = "X-Asya-Reporter-Pod";                // so is this
constexpr const char* kPodName = "authentication.kubernetes.io/pod-name";  // what is said of a token made for a pod
constexpr std::string_view kAccountPrefix = "system:serviceaccount:";
constexpr std::string_view kBase = "/api/v1/";

struct TaskPath {
  bool is_letter = false;
  std::string id;    // empty: of no single one
  std::string tail;  // behind the id
};

// nullopt: a path of something else. One that begins as those of tasks do and goes on in no way that is known has a
// tail that nothing is allowed for.
std::optional<TaskPath> ParseTaskPath(std::string_view path) {
  if (!path.starts_with(kBase)) return std::nullopt;
  path.remove_prefix(kBase.size());
  const auto slash = path.find('/');
  const std::string_view what = path.substr(0, slash);
  TaskPath found;
  found.is_letter = what == "dead-letters";
  if (!found.is_letter && what != "tasks" && what != "mesh") return std::nullopt;
  if (slash == std::string_view::npos) return found;
  path.remove_prefix(slash + 1);
  const auto behind = path.find('/');
  const auto id = http::PercentDecode(path.substr(0, behind));
  found.tail = behind == std::string_view::npos ? "" : std::string(path.substr(behind));
  if (!id || id->empty()) {
    found.tail = "/unknown";
  } else {
    found.id = *id;
  }
  return found;
}

http::Response NotThere(const TaskPath& path) {
  return gateway::Problem(
      Fail(ErrorCode::kNotFound, (path.is_letter ? "dead letter \"" : "task \"") + path.id + "\" not found"));
}

http::Response Refusal(const apiserver::User& user, const TaskQuestion& question) {
  const std::string where =
      question.namespace_.empty() ? "all namespaces" : "namespace \"" + question.namespace_ + "\"";
  return gateway::Problem(Fail(ErrorCode::kForbidden, "user \"" + user.name + "\" cannot " + question.verb + " " +
                                                          question.resource + ".asya.sh in " + where));
}

// What is asked for with one task or letter; empty: nothing that is known.
std::vector<TaskQuestion> QuestionsOf(const std::string& method, const TaskPath& path, const std::string& namespace_) {
  const char* const resource = path.is_letter ? "deadletters" : "tasks";
  if (method == "GET" && (path.tail.empty() || (!path.is_letter && path.tail == "/events"))) {
    return {{"get", resource, namespace_}};
  }
  if (method == "DELETE" && !path.is_letter && path.tail.empty()) return {{"delete", resource, namespace_}};
  if (method == "POST" && path.is_letter && path.tail == "/replay") {
    return {{"get", resource, namespace_}, {"create", "tasks", namespace_}};
  }
  return {};
}

class Guard {
 public:
  Guard(apiserver::Authenticator authenticate, TaskRights rights, ports::TaskStore& tasks, http::Handler next,
        http::Handler others)
      : authenticate_(std::move(authenticate)),
        rights_(std::move(rights)),
        tasks_(tasks),
        next_(std::move(next)),
        others_(std::move(others)) {}

  void Handle(http::Request request, http::Responder responder) const {
    const auto path = ParseTaskPath(request.path);
    if (!path) return others_(std::move(request), std::move(responder));
    const apiserver::Identity identity = authenticate_(request);
    if (identity.failure()) return responder.Send(ToResponse(*identity.failure()));
    if (!identity) return responder.Send(ToResponse(apiserver::Unauthorized()));
    if (auto refused =
            path->id.empty() ? RefuseMany(request, *path, *identity) : RefuseOne(request, *path, *identity)) {
      return responder.Send(std::move(*refused));
    }
    next_(std::move(request), std::move(responder));
  }

 private:
  [[nodiscard]] std::optional<http::Response> RefuseMany(const http::Request& request, const TaskPath& path,
                                                         const apiserver::User& user) const {
    const bool creates = request.method == "POST" && !path.is_letter;
    if (!path.tail.empty() || (!creates && request.method != "GET")) return ToResponse(apiserver::PathNotFound());
    const TaskQuestion question{creates ? "create" : "list", path.is_letter ? "deadletters" : "tasks",
                                request.Query("namespace").value_or(creates ? "default" : "")};
    const auto may = rights_(user, question);
    if (!may.ok()) return ToResponse(may.error());
    if (!*may) return Refusal(user, question);
    return std::nullopt;
  }

  [[nodiscard]] std::optional<http::Response> RefuseOne(const http::Request& request, const TaskPath& path,
                                                        const apiserver::User& user) const {
    auto namespace_ = NamespaceOf(path);
    // The same where it is not there: nobody learns from a failure which tasks there are.
    if (!namespace_.ok()) {
      return namespace_.error().code == ErrorCode::kNotFound ? NotThere(path) : gateway::Problem(namespace_.error());
    }
    // Who asked kube-apiserver for it in one namespace was let through for that one.
    if (request.Query("namespace").value_or(*namespace_) != *namespace_) return NotThere(path);
    const std::vector<TaskQuestion> questions = QuestionsOf(request.method, path, *namespace_);
    if (questions.empty()) return ToResponse(apiserver::PathNotFound());
    for (const TaskQuestion& question : questions) {
      const auto may = rights_(user, question);
      if (!may.ok()) return ToResponse(may.error());
      if (!*may) return NotThere(path);
    }
    return std::nullopt;
  }

  [[nodiscard]] Result<std::string> NamespaceOf(const TaskPath& path) const {
    std::string namespace_;
    if (path.is_letter) {
      ASYA_TRY(const ports::DeadLetter letter, tasks_.GetDeadLetter(path.id));
      namespace_ = letter.namespace_;
    } else {
      ASYA_TRY(const ports::Task task, tasks_.Get(path.id));
      namespace_ = task.namespace_;
    }
    return namespace_.empty() ? "default" : namespace_;
  }

  const apiserver::Authenticator authenticate_;
  const TaskRights rights_;
  ports::TaskStore& tasks_;
  const http::Handler next_;
  const http::Handler others_;
};

// Of "system:serviceaccount:NAMESPACE:NAME".
std::optional<std::string> NamespaceOfAccount(const std::string& user) {
  if (!user.starts_with(kAccountPrefix)) return std::nullopt;
  const std::string rest = user.substr(kAccountPrefix.size());
  const auto colon = rest.find(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  return rest.substr(0, colon);
}

}  // namespace

http::Handler GuardTasks(apiserver::Authenticator authenticate, TaskRights rights, ports::TaskStore& tasks,
                         http::Handler next, http::Handler others) {
  auto guard =
      std::make_shared<Guard>(std::move(authenticate), std::move(rights), tasks, std::move(next), std::move(others));
  return [guard](http::Request request, http::Responder responder) {
    guard->Handle(std::move(request), std::move(responder));
  };
}

http::Handler GuardBody(apiserver::Authenticator authenticate, http::Handler whole, http::Handler read) {
  return [authenticate = std::move(authenticate), whole = std::move(whole), read = http::WithBody(std::move(read))](
             http::Request request, http::Responder responder) {
    if (!request.body_pending) return whole(std::move(request), std::move(responder));
    const apiserver::Identity identity = authenticate(request);
    if (!identity) return responder.Send(ToResponse(identity.failure().value_or(apiserver::Unauthorized())));
    read(std::move(request), std::move(responder));
  };
}

http::Handler GuardReports(apiserver::Authenticator authenticate, http::Handler next) {
  return [authenticate = std::move(authenticate), next = std::move(next)](http::Request request,
                                                                          http::Responder responder) {
    const apiserver::Identity identity = authenticate(request);
    if (identity.failure()) return responder.Send(ToResponse(*identity.failure()));
    const auto namespace_ = identity ? NamespaceOfAccount(identity->name) : std::nullopt;
    if (!namespace_) return responder.Send(ToResponse(apiserver::Unauthorized()));
    request.headers.Set(kReporter, *namespace_);
    const auto pod = identity->extra.find(kPodName);
    request.headers.Set(kReporterPod, pod == identity->extra.end() || pod->second.empty() ? "" : pod->second.front());
    next(std::move(request), std::move(responder));
  };
}

std::string ReporterNamespace(const http::Request& request) { return request.headers.Get(kReporter).value_or(""); }

std::string ReporterPod(const http::Request& request) { return request.headers.Get(kReporterPod).value_or(""); }

}  // namespace asya::server
