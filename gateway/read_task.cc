#include "gateway/read_task.h"

#include <algorithm>
#include <utility>

#include "gateway/labels.h"
#include "gateway/page.h"
#include "gateway/problem.h"
#include "gateway/task_json.h"

namespace asya::gateway {
namespace {

constexpr std::chrono::seconds kWaitLimit{60};

std::string EtagOf(const ports::Task& task) { return "\"" + std::to_string(task.version) + "\""; }

void AppendEvents(std::string& out, const std::vector<ports::TaskEvent>& events) {
  out += R"(,"events":[)";
  for (const ports::TaskEvent& event : events) {
    out += out.back() == '[' ? R"({"at":")" : R"(,{"at":")";
    AppendRfc3339(out, event.at, true);
    out += R"(","type":)";
    json::AppendQuoted(out, event.type);
    out += R"(,"data":)";
    out += event.data_json.empty() ? "null" : event.data_json;
    out += '}';
  }
  out += ']';
}

void AppendTasks(std::string& out, const std::vector<ports::Task>& tasks) {
  for (const ports::Task& task : tasks) {
    out += out.back() == '[' ? "{" : ",{";
    AppendTaskMembers(out, task, false);
    out += '}';
  }
  out += ']';
}

http::Response Show(const ports::TaskView& view, const std::string& known_etag) {
  const std::string etag = EtagOf(view.task);
  if (known_etag == etag) {
    http::Response response{304, "", "application/json", {}};
    response.headers.Set("ETag", etag);  // RFC 9110 15.4.5
    return response;
  }
  std::string text = "{";
  AppendTaskMembers(text, view.task, true);
  AppendEvents(text, view.events);
  text += R"(,"children":[)";
  AppendTasks(text, view.children);
  text += '}';
  http::Response response = Json(200, std::move(text));
  response.headers.Set("ETag", etag);
  return response;
}

http::Response Show(const Deps& deps, const std::string& id, const std::string& known_etag) {
  const auto view = deps.tasks.View(id);
  return view.ok() ? Show(*view, known_etag) : Problem(view.error());
}

// A long poll: one listener of the hub that owns the responder.
class Waiting final : public TaskListener {
 public:
  Waiting(const Deps& deps, std::string task_id, std::string known_etag, http::Responder responder)
      : deps_(deps),
        task_id_(std::move(task_id)),
        known_etag_(std::move(known_etag)),
        responder_(std::move(responder)) {}

  bool OnChange() override {
    const auto view = deps_.tasks.View(task_id_);
    if (!view.ok()) {
      responder_.Send(Problem(view.error()));
      return false;
    }
    const bool changed = !known_etag_.empty() && known_etag_ != EtagOf(view->task);
    if (!ports::IsTerminal(view->task.status) && !changed) return true;
    responder_.Send(Show(*view, known_etag_));
    return false;
  }
  void OnFly(const std::string&) override {}
  bool OnTime() override {
    responder_.Send(Show(deps_, task_id_, known_etag_));
    return false;
  }

 private:
  const Deps& deps_;
  std::string task_id_;
  std::string known_etag_;
  http::Responder responder_;
};

template <class T>
void ReadTime(const http::Request& request, const char* name, T& out, std::vector<Error>& errors) {
  const auto text = request.Query(name);
  if (!text) return;
  out = ParseRfc3339(*text);
  if (!out) errors.push_back(Invalid(name, "got \"" + *text + "\"; an RFC 3339 time is accepted"));
}

}  // namespace

http::Response ReadTask(const http::Request& request, const Deps& deps) {
  return Show(deps, request.parameters.find("id")->second, request.headers.Get("If-None-Match").value_or(""));
}

void WaitForTask(const http::Request& request, http::Responder responder, const Deps& deps) {
  const std::string& id = request.parameters.find("id")->second;
  const std::string known_etag = request.headers.Get("If-None-Match").value_or("");
  const std::string wait_text = request.Query("wait").value_or("");
  const auto wait = ParseGoDuration(wait_text);
  if (!wait || *wait > kWaitLimit) {
    responder.Send(
        Problem(Invalid("wait", "got \"" + wait_text + "\"; a duration up to 60s is accepted, such as 30s")));
    return;
  }
  const auto period =
      std::max(std::chrono::duration_cast<std::chrono::milliseconds>(*wait), std::chrono::milliseconds(1));
  auto waiting = std::make_shared<Waiting>(deps, id, known_etag, std::move(responder));
  const Interest interest = known_etag.empty() ? Interest::kEnd : Interest::kEveryChange;
  // A full hub drops the listener, whose responder then answers by itself; the client asks again.
  if (!deps.hub.Add(id, std::move(waiting), interest, period)) deps.logger.Warning("too many waiting clients");
}

http::Response ListTasks(const http::Request& request, const Deps& deps) {
  std::vector<Error> errors;
  ports::TaskFilter filter;
  filter.namespace_ = request.Query("namespace");
  filter.actor = request.Query("actor");
  filter.flow = request.Query("flow");
  filter.cursor = request.Query("cursor").value_or("");
  if (const auto status = request.Query("status")) {
    filter.status = ports::ParseTaskStatus(*status);
    if (!filter.status) {
      errors.push_back(Invalid(
          "status", "got \"" + *status + "\"; pending, running, paused, succeeded, failed and canceled are accepted"));
    }
  }
  if (const auto label = request.Query("label")) {
    auto labels = LabelsOfQuery(*label);
    if (!labels.ok()) errors.push_back(labels.error());
    if (labels.ok()) filter.labels_json = *std::move(labels);
  }
  ReadTime(request, "createdAfter", filter.created_after, errors);
  ReadTime(request, "createdBefore", filter.created_before, errors);
  ReadLimit(request, filter.limit, errors);
  if (!errors.empty()) return Problem(errors);
  const auto page = deps.tasks.List(filter);
  if (!page.ok()) return Problem(page.error());
  std::string text = R"({"items":[)";
  AppendTasks(text, page->tasks);
  text += R"(,"nextCursor":)" + json::Quote(page->next_cursor) + "}";
  return Json(200, std::move(text));
}

http::Response CancelTask(const http::Request& request, const Deps& deps) {
  const std::string& id = request.parameters.find("id")->second;
  const Status outcome = deps.tasks.Cancel(id);
  if (!outcome.ok()) return Problem(outcome.error());
  const auto canceled = deps.tasks.Get(id);
  // One that cannot be read now is told to relays of all namespaces where there is nothing to hide; else, a little
  // later, by who follows the store.
  if (canceled.ok() || !deps.speaks_for) deps.cancels.Publish({id, canceled.ok() ? canceled->namespace_ : ""});
  return http::Response{204, "", "application/json", {}};
}

}  // namespace asya::gateway
