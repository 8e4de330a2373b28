#include "relay/cancel_feed.h"

#include <gtest/gtest.h>

#include <atomic>

#include "relay/reactor.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/unix_server.h"

namespace asya::relay {
namespace {

constexpr const char* kHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

TEST(CancelFeed, AGatewayThatHasGoneSilentIsAskedAgain) {
  const tests::TemporaryFolder folder;
  Address gateway;
  gateway.path = folder.path() + "/gateway";
  Reactor reactor;
  std::atomic<int> connections{0};
  tests::UnixServer server(gateway.path, [&](tests::ServedConnection& connection) {
    if (!connection.Read()) return;
    connection.Send(std::string(kHead) + ":connected\n\n");
    if (++connections == 2) reactor.Post([&reactor] { reactor.Stop(); });
    connection.WaitForClose();
  });
  Random random(1);
  CancelFeed feed(reactor, gateway, random, std::chrono::milliseconds(20));
  Timer limit(reactor);
  limit.After(std::chrono::seconds(20), [&reactor] { reactor.Stop(); });
  feed.Start();
  reactor.Run();
  // One more may come before the reactor has stopped.
  EXPECT_GE(connections, 2);
}

TEST(CancelFeed, OnlyWhatIsToldAsCanceledIs) {
  Reactor reactor;
  Address gateway;
  gateway.path = "/nowhere";
  Random random(1);
  CancelFeed feed(reactor, gateway, random);
  ASSERT_TRUE(feed.OnBody("event: paused\ndata: {\"task\":\"a\"}\n\ndata: {\"task\":\"b\"}\n\n"
                          "event: canceled\ndata: {\"task\":\"c\"}\n\n")
                  .ok());
  EXPECT_FALSE(feed.IsCanceled("a"));
  EXPECT_FALSE(feed.IsCanceled("b"));
  EXPECT_TRUE(feed.IsCanceled("c"));
}

}  // namespace
}  // namespace asya::relay
