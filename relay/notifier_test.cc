// What is told to a supervising process that is away, or does not keep up.
#include "relay/notifier.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstring>

#include "tests/support/fake_runtime.h"
#include "tests/support/relay_harness.h"

namespace asya::relay {
namespace {

using tests::RelayHarness;

class Supervisor {
 public:
  explicit Supervisor(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const timeval patience{tests::kPatience.count(), 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  std::string Read() {
    char text[4096];
    const ssize_t size = ::recv(socket_.get(), text, sizeof text, 0);
    return size < 0 ? "" : std::string(text, static_cast<std::size_t>(size));
  }

 private:
  UniqueFd socket_;
};

TEST(Notifier, WhoDoesNotListenIsNotBehind) {
  const tests::TemporaryFolder folder;
  const std::string path = folder.path() + "/notify.sock";
  Notifier notifier(path);
  notifier.Ready(false, "loading", false);
  EXPECT_FALSE(notifier.behind()) << "nothing is there";
  EXPECT_TRUE(notifier.unheard());
  { const Supervisor gone(path); }
  notifier.Ready(false, "loading", false);
  EXPECT_FALSE(notifier.behind()) << "nobody is there any more";
  EXPECT_TRUE(notifier.unheard());
  ASSERT_EQ(::unlink(path.c_str()), 0);
  Supervisor supervisor(path);
  notifier.Ready(false, "loading", false);
  EXPECT_FALSE(notifier.unheard());
  EXPECT_EQ(supervisor.Read(), "READY=0\nSTATUS=loading\nX_ASYA_FAILED=0");
}

TEST(Notifier, WhoDoesNotKeepUpIsBehindUntilAllIsSaid) {
  const tests::TemporaryFolder folder;
  const std::string path = folder.path() + "/notify.sock";
  Notifier notifier(path);
  Supervisor supervisor(path);
  std::size_t told = 0;
  constexpr std::size_t kMost = 100'000;
  for (; told < kMost && !notifier.behind(); ++told) notifier.InFlight(told);
  ASSERT_TRUE(notifier.behind());
  notifier.Ready(true, "ready", false);
  EXPECT_FALSE(notifier.unheard());
  EXPECT_EQ(supervisor.Read(), "X_ASYA_IN_FLIGHT=0");
  notifier.InFlight(told);
  EXPECT_TRUE(notifier.behind()) << "the readiness has not been said";
  EXPECT_EQ(supervisor.Read(), "X_ASYA_IN_FLIGHT=1");
  notifier.Ready(true, "ready", false);
  EXPECT_FALSE(notifier.behind());
}

TEST(Notifier, WhoComesLateIsToldWhatHolds) {
  RelayHarness harness;
  tests::FakeRuntime runtime(harness.folder(), [](tests::FakeRuntime::Call& call) { call.Return("1"); });
  harness.settings.notify_socket = harness.folder() + "/notify.sock";
  harness.Start();
  ASSERT_TRUE(
      RelayHarness::Eventually([&] { return harness.Get("/readyz").find("HTTP/1.1 200") != std::string::npos; }));
  // Nothing changes for so long that it has tried in vain, and waits.
  EXPECT_FALSE(harness.TakeBytes("x-sump", std::chrono::milliseconds(200)).has_value());
  Supervisor supervisor(harness.settings.notify_socket);
  EXPECT_EQ(supervisor.Read().rfind("READY=1\n", 0), 0U);
  EXPECT_EQ(supervisor.Read(), "X_ASYA_IN_FLIGHT=0");
}

}  // namespace
}  // namespace asya::relay
