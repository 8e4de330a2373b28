#include "tests/support/fake_runtime.h"

#include "core/json/value.h"

namespace asya::tests {
namespace {

std::string Names(const std::vector<std::string>& names) {
  json::Array array;
  for (const std::string& name : names) array.emplace_back(name);
  return json::Dump(array);
}

}  // namespace

FakeRuntime::Call::Call(FakeRuntime& runtime, ServedConnection& connection, const std::string& body)
    : runtime_(runtime), connection_(connection), body_(body), envelope_(*model::ParseEnvelope(body)) {}

std::string FakeRuntime::Call::Frame(const std::string& payload) const {
  const model::Route route = envelope_.route.Shifted();
  return R"({"payload":)" + payload + R"(,"route":{"prev":)" + Names(route.prev) + R"(,"curr":)" +
         json::Quote(route.curr) + R"(,"next":)" + Names(route.next) + R"(},"headers":)" +
         json::Dump(envelope_.headers) + "}";
}

void FakeRuntime::Call::Return(const std::string& payload) {
  connection_.Reply(200, "application/json", R"({"frames":[)" + Frame(payload) + "]}");
}

void FakeRuntime::Call::ReturnNone() { connection_.Send("HTTP/1.1 204 No Content\r\n\r\n"); }

void FakeRuntime::Call::Raise(const std::string& type, const std::string& message,
                              const std::vector<std::string>& mro) {
  connection_.Reply(500, "application/json",
                    R"({"error":"processing_error","details":{"type":)" + json::Quote(type) + R"(,"message":)" +
                        json::Quote(message) + R"(,"mro":)" + Names(mro) + R"(,"traceback":"line 1"}})");
}

void FakeRuntime::Call::Events(const std::string& events) {
  connection_.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + events);
}

FakeRuntime::FakeRuntime(const std::string& socket_dir, Handler handler) : handler_(std::move(handler)) {
  calls_ = std::make_unique<UnixServer>(socket_dir + "/asya-runtime.sock",
                                        [this](ServedConnection& connection) { Serve(connection); });
  feed_ = std::make_unique<UnixServer>(socket_dir + "/asya-runtime-health.sock",
                                       [this](ServedConnection& connection) { ServeHealth(connection); });
}

FakeRuntime::~FakeRuntime() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  // Not by their destructors: a handler that still runs may name them.
  feed_->Stop();
  calls_->Stop();
}

void FakeRuntime::Serve(ServedConnection& connection) {
  while (const auto request = connection.Read()) {
    if (request->method == "GET") {
      connection.Reply(200, "application/json", R"({"status":"ready"})");
      continue;
    }
    Call call(*this, connection, request->body);
    {
      const std::lock_guard lock(mutex_);
      ++called_[call.envelope().id];
    }
    handler_(call);
  }
}

void FakeRuntime::ServeHealth(ServedConnection& connection) {
  if (!connection.Read()) return;
  connection.Send("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n");
  std::unique_lock lock(mutex_);
  // A relay that is gone is found out only by telling it something, which the next one would not hear then.
  const int own = ++watchers_;
  told_ = health_.size() - 1;
  watched_ = true;
  while (!stopping_ && own == watchers_) {
    while (watched_ && told_ < health_.size()) {
      watched_ = connection.Send(health_[told_] + "\n");
      ++told_;
    }
    changed_.notify_all();
    if (!watched_) return;
    changed_.wait(lock, [&] { return stopping_ || own != watchers_ || told_ < health_.size(); });
  }
}

void FakeRuntime::KillWorker(const std::string& last_end) {
  const std::string last = [this] {
    const std::lock_guard lock(mutex_);
    return health_.back();
  }();
  SetHealth(last_end.empty() ? R"({"status":"loading"})"
                             : R"({"status":"loading","last_end":)" + json::Quote(last_end) + "}");
  calls_->CutAll();
  SetHealth(last);
}

void FakeRuntime::SetHealth(const std::string& line) {
  std::unique_lock lock(mutex_);
  health_.push_back(line);
  changed_.notify_all();
  changed_.wait(lock, [this] { return stopping_ || !watched_ || told_ == health_.size(); });
}

int FakeRuntime::CallsOf(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = called_.find(id);
  return found == called_.end() ? 0 : found->second;
}

}  // namespace asya::tests
