#include "relay/runtime_watch.h"

#include <gtest/gtest.h>

#include <future>
#include <utility>

#include "relay/reactor.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/unix_server.h"

namespace asya::relay {
namespace {

constexpr const char* kHead = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n";

TEST(RuntimeWatch, ALateAnswerOfTheRuntimeDoesNotOverrideItsFeed) {
  const tests::TemporaryFolder folder;
  Reactor reactor;
  std::promise<void> ready;
  const auto is_ready = ready.get_future().share();
  tests::UnixServer direct(folder.path() + "/asya-runtime.sock", [&](tests::ServedConnection& connection) {
    if (!connection.Read()) return;
    is_ready.wait();
    connection.Reply(503, "text/plain", "");
    reactor.Post([&reactor] { reactor.Stop(); });
    connection.WaitForClose();
  });
  int connections = 0;
  tests::UnixServer feed(folder.path() + "/asya-runtime-health.sock", [&](tests::ServedConnection& connection) {
    if (!connection.Read() || ++connections == 1) return;
    connection.Send(std::string(kHead) + "{\"status\":\"ready\"}\n");
    connection.WaitForClose();
  });
  Random random(1);
  RuntimeWatch watch(reactor, folder.path(), random);
  Timer limit(reactor);
  limit.After(std::chrono::seconds(20), [&reactor] { reactor.Stop(); });
  bool told = false;
  watch.Start([&](const RuntimeState& state) {
    if (state.kind == RuntimeState::Kind::kReady && !std::exchange(told, true)) ready.set_value();
  });
  reactor.Run();
  // The answer may still be on its way.
  Timer settled(reactor);
  settled.After(std::chrono::milliseconds(50), [&reactor] { reactor.Stop(); });
  reactor.Run();
  EXPECT_EQ(watch.state().kind, RuntimeState::Kind::kReady) << watch.state().text;
}

}  // namespace
}  // namespace asya::relay
