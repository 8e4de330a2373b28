// FakeRuntime: a runtime whose handler is the test's own code, with the health feed of a real supervisor.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/envelope.h"
#include "tests/support/unix_server.h"

namespace asya::tests {

class FakeRuntime {
 public:
  // One call; the handler answers through it, or does not.
  class Call {
   public:
    Call(FakeRuntime& runtime, ServedConnection& connection, const std::string& body);
    [[nodiscard]] const model::Envelope& envelope() const { return envelope_; }
    [[nodiscard]] const std::string& body() const { return body_; }
    void Return(const std::string& payload);
    void ReturnNone();
    void Raise(const std::string& type, const std::string& message, const std::vector<std::string>& mro = {});
    // The events of a generator; `done` is not added by itself.
    void Events(const std::string& events);
    [[nodiscard]] std::string Frame(const std::string& payload) const;
    void Send(const std::string& bytes) { connection_.Send(bytes); }
    // The worker dies with everything that runs in it, and comes back.
    void Die(const std::string& last_end = "") { runtime_.KillWorker(last_end); }
    void WaitForClose() { connection_.WaitForClose(); }

   private:
    FakeRuntime& runtime_;
    ServedConnection& connection_;
    std::string body_;
    model::Envelope envelope_;
  };
  using Handler = std::function<void(Call&)>;

  // `socket_dir` exists. The handler runs on a thread for each connection.
  FakeRuntime(const std::string& socket_dir, Handler handler);
  ~FakeRuntime();
  FakeRuntime(const FakeRuntime&) = delete;
  FakeRuntime& operator=(const FakeRuntime&) = delete;

  // Ends all calls at once; the health feed says loading, with how it died if that is known, and then ready again. As
  // with a real one, whoever watches has been told before a call runs in the next worker.
  void KillWorker(const std::string& last_end = "");
  // Ends all calls at once; nothing is said.
  void CutCalls() { calls_->CutAll(); }
  // What the health feed says from now on, e.g. {"status":"ready"}; whoever watches has been told.
  void SetHealth(const std::string& line);
  // Calls of this envelope so far.
  [[nodiscard]] int CallsOf(const std::string& id) const;
  [[nodiscard]] int connections() const { return calls_->accepted(); }

 private:
  void Serve(ServedConnection& connection);
  void ServeHealth(ServedConnection& connection);

  Handler handler_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> health_ = {R"({"status":"ready"})"};
  bool stopping_ = false;
  bool watched_ = false;
  int watchers_ = 0;      // that have come; the last one counts
  std::size_t told_ = 0;  // lines, to whoever watches
  std::map<std::string, int> called_;
  std::unique_ptr<UnixServer> calls_;
  std::unique_ptr<UnixServer> feed_;
};

}  // namespace asya::tests
