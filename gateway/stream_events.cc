#include "gateway/stream_events.h"

#include <algorithm>
#include <utility>

#include "gateway/problem.h"
#include "gateway/task_json.h"

namespace asya::gateway {
namespace {

constexpr std::chrono::seconds kKeepAlivePeriod{15};

// `id`: the sequence up to which whoever reads this has been told what is kept.
std::string ServerSentEvent(const char* name, const std::string& data_json, std::int64_t id) {
  std::string text = "id: " + std::to_string(id) + "\nevent: " + std::string(name) + "\ndata: ";
  // A raw newline inside JSON text can only be white space, and would end the data line.
  for (const char c : data_json) text += c == '\n' || c == '\r' ? ' ' : c;
  return text + "\n\n";
}

class Following final : public TaskListener {
 public:
  Following(const Deps& deps, const ports::Task& task, std::int64_t after, std::shared_ptr<http::Stream> stream)
      : deps_(deps), task_id_(task.id), namespace_(task.namespace_), after_(after), stream_(std::move(stream)) {}

  bool OnChange() override {
    const auto events = deps_.tasks.Events(task_id_, after_);
    const auto task = deps_.tasks.Get(task_id_);
    if (!events.ok() || !task.ok()) return Finish();
    std::string text;
    for (const ports::TaskEvent& event : *events) {
      text += ServerSentEvent(event.type.c_str(), event.data_json.empty() ? "{}" : event.data_json, event.sequence);
      after_ = event.sequence;
    }
    const bool terminal = ports::IsTerminal(task->status);
    // The last event carries the whole task, so that a client needs no further request for the result.
    if (terminal) text += ServerSentEvent("task", TaskJson(*task, true), after_);
    if (!text.empty() && !stream_->Write(std::move(text))) return false;
    return terminal ? Finish() : true;
  }
  void OnFly(const std::string& data_json) override {
    if (!stream_->Write(ServerSentEvent("fly", data_json, after_))) stream_->Close();
  }
  [[nodiscard]] bool TakesFlyOf(const std::string& namespace_of_sender) const override {
    return ports::MaySpeakOf(namespace_of_sender, namespace_);
  }
  bool OnTime() override { return stream_->Write(":keepalive\n\n"); }

 private:
  bool Finish() {
    stream_->Close();
    return false;
  }

  const Deps& deps_;
  const std::string task_id_;
  const std::string namespace_;
  std::int64_t after_;
  std::shared_ptr<http::Stream> stream_;
};

}  // namespace

void StreamEvents(http::Request request, http::Responder responder, const Deps& deps) {
  const std::string id = request.parameters["id"];
  std::int64_t after = 0;
  if (const auto last = request.headers.Get("Last-Event-ID")) {
    const bool digits = !last->empty() && last->size() < 18 &&
                        std::all_of(last->begin(), last->end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) {
      responder.Send(
          Problem(Invalid("Last-Event-ID", "got \"" + *last + "\"; the id of an earlier event is accepted")));
      return;
    }
    after = std::stoll(*last);
  }
  const auto task = deps.tasks.Get(id);
  if (!task.ok()) {
    responder.Send(Problem(task.error()));
    return;
  }
  http::Response head{200, ":connected\n\n", "text/event-stream", {}};
  head.headers.Set("Cache-Control", "no-store");
  auto stream = responder.StartStream(std::move(head));
  auto following = std::make_shared<Following>(deps, *task, after, stream);
  deps.metrics.StreamOpened();
  stream->OnClosed([&hub = deps.hub, metrics = deps.metrics, id, weak = std::weak_ptr<Following>(following)] {
    metrics.StreamEnded();
    if (const auto listener = weak.lock()) hub.Remove(id, listener.get());
  });
  if (!deps.hub.Add(id, std::move(following), Interest::kEveryChange, kKeepAlivePeriod)) stream->Close();
}

}  // namespace asya::gateway
