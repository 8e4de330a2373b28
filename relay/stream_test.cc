#include "relay/stream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "relay/reactor.h"
#include "tests/support/temporary_folder.h"

namespace asya::relay {
namespace {

// Two ends of one connection over a Unix socket, in one reactor.
class StreamTest : public testing::Test {
 protected:
  StreamTest() {
    address_.path = folder_.path() + "/socket";
    listener_ =
        *Listener::Open(reactor_, address_, [this](std::unique_ptr<Stream> stream) { server_ = std::move(stream); });
    limit_.After(std::chrono::seconds(60), [] { FAIL() << "nothing happened"; });
  }

  // Does the work on the reactor's thread once both ends are there.
  void WhenConnected(std::function<void()> work) {
    connecting_ = std::make_unique<Connecting>(reactor_, address_, std::chrono::seconds(10),
                                               [this, work = std::move(work)](Result<std::unique_ptr<Stream>> stream) {
                                                 ASSERT_TRUE(stream.ok()) << stream.error().message;
                                                 client_ = std::move(*stream);
                                                 WaitForServer(work);
                                               });
  }
  void WaitForServer(const std::function<void()>& work) {
    if (server_ != nullptr) {
      work();
    } else {
      reactor_.Post([this, work] { WaitForServer(work); });
    }
  }

  tests::TemporaryFolder folder_;
  Address address_;
  Reactor reactor_;
  Timer limit_{reactor_};
  std::unique_ptr<Stream> server_;
  std::unique_ptr<Stream> client_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Connecting> connecting_;
};

TEST_F(StreamTest, MuchMoreThanTheSystemTakesArrivesWholeAndInOrder) {
  constexpr std::size_t kBytes = 8U << 20U;
  std::string sent;
  for (std::size_t i = 0; sent.size() < kBytes; ++i) sent += std::to_string(i) + ",";
  std::string echoed;
  WhenConnected([&] {
    server_->Read([&](std::string_view bytes) { server_->Write(bytes); }, [](const Status&) {});
    client_->Read(
        [&](std::string_view bytes) {
          echoed += bytes;
          if (echoed.size() == sent.size()) reactor_.Stop();
        },
        [](const Status&) { FAIL() << "the connection ended"; });
    client_->Write(std::string_view(sent).substr(0, 10));
    client_->Write(std::string_view(sent).substr(10));
  });
  reactor_.Run();
  EXPECT_TRUE(echoed == sent);
  EXPECT_EQ(client_->bytes_sent(), sent.size());
}

TEST_F(StreamTest, ThePeersLastWordsComeBeforeItsEnd) {
  std::string heard;
  std::optional<Status> ended;
  WhenConnected([&] {
    client_->Read([&](std::string_view bytes) { heard += bytes; },
                  [&](const Status& status) {
                    ended = status;
                    reactor_.Stop();
                  });
    server_->Write("goodbye");
    server_->CloseAfterWrites();
  });
  reactor_.Run();
  EXPECT_EQ(heard, "goodbye");
  ASSERT_TRUE(ended.has_value());
  EXPECT_TRUE(ended->ok());
}

TEST_F(StreamTest, AWriteToAPeerThatIsGoneIsRefusedAtOnceAndToldOnce) {
  int ends = 0;
  std::string problem;
  bool refused = false;
  WhenConnected([&] {
    client_->Read([](std::string_view) {},
                  [&](const Status& status) {
                    ++ends;
                    problem = status.ok() ? "" : status.error().message;
                    reactor_.Stop();
                  });
    server_.reset();
    EXPECT_FALSE(client_->open());
    client_->Write("hello");
    refused = client_->refused();
    EXPECT_EQ(ends, 0) << "told within the call";
  });
  reactor_.Run();
  EXPECT_TRUE(refused);
  EXPECT_EQ(client_->bytes_sent(), 0U);
  EXPECT_EQ(ends, 1);
  EXPECT_NE(problem.find("connection lost"), std::string::npos) << problem;
}

TEST_F(StreamTest, ACallbackMayDestroyItsStream) {
  WhenConnected([&] {
    client_->Read(
        [&](std::string_view) {
          client_.reset();
          reactor_.Stop();
        },
        [](const Status&) { FAIL() << "told after the end"; });
    server_->Write("x");
  });
  reactor_.Run();
  EXPECT_EQ(client_, nullptr);
}

TEST_F(StreamTest, ASocketThatNobodyListensOnIsAnError) {
  listener_.reset();
  std::string problem;
  Connecting connecting(reactor_, address_, std::chrono::seconds(10), [&](const Result<std::unique_ptr<Stream>>& made) {
    problem = made.ok() ? "connected" : made.error().message;
    reactor_.Stop();
  });
  EXPECT_EQ(problem, "") << "told within the constructor";
  reactor_.Run();
  EXPECT_NE(problem.find("cannot connect"), std::string::npos) << problem;
}

TEST(Reactor, TimersFireInTheirOrderAndNotWhenCancelled) {
  Reactor reactor;
  Timer late(reactor);
  Timer early(reactor);
  Timer cancelled(reactor);
  Timer moved(reactor);
  std::string order;
  // So far apart that no hold-up of this machine turns their order, which begins when each is set.
  late.After(std::chrono::milliseconds(300), [&] {
    order += "late";
    reactor.Stop();
  });
  moved.After(std::chrono::milliseconds(1), [&] { order += "too early "; });
  moved.After(std::chrono::milliseconds(150), [&] { order += "moved "; });
  early.After(std::chrono::milliseconds(5), [&] {
    order += "early ";
    cancelled.Cancel();
  });
  cancelled.After(std::chrono::milliseconds(6), [&] { order += "cancelled "; });
  reactor.Run();
  EXPECT_EQ(order, "early moved late");
  EXPECT_FALSE(late.pending());
}

TEST(Reactor, AnotherThreadWakesItWithWorkInOrder) {
  Reactor reactor;
  std::vector<int> done;
  constexpr int kWorks = 1000;
  std::thread other([&] {
    for (int i = 0; i < kWorks; ++i) reactor.Post([&done, i] { done.push_back(i); });
    reactor.Post([&] { reactor.Stop(); });
  });
  reactor.Run();
  other.join();
  ASSERT_EQ(done.size(), static_cast<std::size_t>(kWorks));
  for (int i = 0; i < kWorks; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
}

TEST(Reactor, TellsOfTheEndOfADescriptorAndOfSignals) {
  Reactor reactor;
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  std::string order;
  reactor.OnEndOf(pipe_ends[0], [&] {
    order += "ended ";
    raise(SIGTERM);
  });
  reactor.OnTermination([&] {
    order += "signal";
    reactor.Stop();
  });
  ASSERT_EQ(write(pipe_ends[1], "x", 1), 1);
  reactor.Post([&] { close(pipe_ends[1]); });
  reactor.Run();
  EXPECT_EQ(order, "ended signal");
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace
}  // namespace asya::relay
