#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "core/http/test_server.h"

namespace asya::http {
namespace {

TEST(Server, StreamsInChunksAndKeepsTheConnection) {
  const Running running = StartTcp([](const Request&, Responder responder) {
    const auto stream = responder.StartStream(Plain("head "));
    EXPECT_TRUE(stream->Write("one "));
    EXPECT_TRUE(stream->Write("two"));
    stream->Close();
  });
  Client client;
  ClientRequest request;
  request.url = running.url;
  for (int i = 0; i < 3; ++i) {
    const auto response = client.Call(request);
    ASSERT_TRUE(response.ok()) << response.error().message;
    EXPECT_EQ(response->body, "head one two");
  }
}

TEST(Server, AStreamOverHttp10EndsWithTheConnection) {
  const Running running = StartTcp([](const Request&, Responder responder) {
    const auto stream = responder.StartStream(Plain(""));
    EXPECT_TRUE(stream->Write("bytes"));
  });
  RawPeer peer(running.port);
  peer.Send("GET / HTTP/1.0\r\n\r\n");
  const std::string all = peer.ReadToEnd();
  EXPECT_EQ(all.find("chunked"), std::string::npos);
  EXPECT_EQ(all.substr(all.size() - 5), "bytes");
}

TEST(Server, NoticesThatThePeerOfAnIdleStreamIsGone) {
  std::promise<void> gone;
  std::shared_ptr<Stream> stream;
  const Running running = StartTcp([&](const Request&, Responder responder) {
    stream = responder.StartStream(Plain("hello"));
    stream->OnClosed([&gone] { gone.set_value(); });
  });
  RawPeer peer(running.port);
  peer.Send("GET / HTTP/1.1\r\n\r\n");
  peer.ReadUntil("hello");
  peer.Close();
  ASSERT_EQ(gone.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_FALSE(stream->Write("more"));
}

TEST(Server, NoticesThatThePeerIsGoneWhileTheHandlerIsPending) {
  std::promise<void> pending;
  std::promise<void> gone;
  std::optional<Responder> kept;
  const Running running = StartTcp([&](const Request&, Responder responder) {
    kept.emplace(std::move(responder));
    kept->OnPeerGone([&gone] { gone.set_value(); });
    pending.set_value();
  });
  RawPeer peer(running.port);
  peer.Send("GET / HTTP/1.1\r\n\r\n");
  ASSERT_EQ(pending.get_future().wait_for(kPatience), std::future_status::ready);
  peer.Close();
  EXPECT_EQ(gone.get_future().wait_for(kPatience), std::future_status::ready);
  kept->Send(Plain("too late"));
}

TEST(Server, CutsOffAStreamWhosePeerDoesNotRead) {
  ServerLimits limits;
  limits.stream_buffer_bytes = 64U << 10U;
  observe::Metrics metrics;
  std::promise<void> closed;
  std::shared_ptr<Stream> stream;
  std::promise<void> started;
  const Running running = StartTcp(
      [&](const Request&, Responder responder) {
        stream = responder.StartStream(Plain(""));
        stream->OnClosed([&closed] { closed.set_value(); });
        started.set_value();
      },
      limits, std::nullopt, &metrics);
  RawPeer peer(running.port);
  peer.Send("GET / HTTP/1.1\r\n\r\n");
  started.get_future().wait();
  const std::string piece(16U << 10U, 'x');
  std::size_t written = 0;
  while (written < (256U << 20U) && stream->Write(piece)) written += piece.size();
  EXPECT_LT(written, 256U << 20U);
  EXPECT_EQ(closed.get_future().wait_for(kPatience), std::future_status::ready);
  // The connection goes at once, though a write to the peer is pending, and not after the write timeout.
  const auto cut_off = [&metrics] {
    const std::string text = metrics.Text();
    return text.find("asya_http_streams_cut_off_total{listen=\"tcp\"} 1") != std::string::npos &&
           text.find("asya_http_connections{listen=\"tcp\"} 0") != std::string::npos;
  };
  const auto patience_ends = std::chrono::steady_clock::now() + kPatience;
  while (!cut_off() && std::chrono::steady_clock::now() < patience_ends) std::this_thread::yield();
  EXPECT_TRUE(cut_off()) << metrics.Text();
}

TEST(Server, OneWriteMayBeLargerThanTheStreamBuffer) {
  ServerLimits limits;
  limits.stream_buffer_bytes = 64U << 10U;
  const std::string large(limits.stream_buffer_bytes * 4, 'x');
  const Running running = StartTcp(
      [&large](const Request&, Responder responder) {
        const auto stream = responder.StartStream(Plain(""));
        EXPECT_TRUE(stream->Write(large));
      },
      limits);
  Client client;
  ClientRequest request;
  request.url = running.url;
  const auto response = client.Call(request);
  ASSERT_TRUE(response.ok()) << response.error().message;
  EXPECT_EQ(response->body.size(), large.size());
}

TEST(Server, StopWaitsForRunningRequestsAndEndsStreams) {
  std::promise<Responder> pending;
  std::promise<void> stream_closed;
  std::shared_ptr<Stream> stream;
  Running running = StartTcp([&](const Request& request, Responder responder) {
    if (request.path == "/stream") {
      stream = responder.StartStream(Plain("open"));
      stream->OnClosed([&] { stream_closed.set_value(); });
      return;
    }
    pending.set_value(std::move(responder));
  });
  RawPeer watcher(running.port);
  watcher.Send("GET /stream HTTP/1.1\r\n\r\n");
  watcher.ReadUntil("open");
  RawPeer caller(running.port);
  caller.Send("GET /slow HTTP/1.1\r\n\r\n");
  Responder responder = pending.get_future().get();
  std::thread answer([&] {
    stream_closed.get_future().wait();
    responder.Send(Plain("finished"));
  });
  running.server->Stop(kPatience);
  answer.join();
  EXPECT_NE(watcher.ReadToEnd().find("\r\n0\r\n\r\n"), std::string::npos) << "the stream ends cleanly";
  const std::string answered = caller.ReadToEnd();
  EXPECT_NE(answered.find("finished"), std::string::npos) << answered;
  EXPECT_NE(answered.find("Connection: close"), std::string::npos) << answered;
}

// Whose sender would be told of a reset, and could not know whether it was done.
TEST(Server, AnswersWhatIsOnItsWayOnAKeptConnectionWhenItStops) {
  std::shared_ptr<Stream> stream;
  ServerLimits limits;
  limits.stop_quiet = kPatience;
  Running running = StartTcp(
      [&](const Request& request, Responder responder) {
        if (request.path != "/stream") return responder.Send(Plain("told of " + request.path));
        stream = responder.StartStream(Plain("open"));
      },
      limits);
  RawPeer kept(running.port);
  kept.Send("GET /first HTTP/1.1\r\n\r\n");
  kept.ReadUntil("told of /first");
  RawPeer watcher(running.port);
  watcher.Send("GET /stream HTTP/1.1\r\n\r\n");
  watcher.ReadUntil("open");
  std::thread stop([&] { running.server->Stop(4 * kPatience); });
  watcher.ReadToEnd();  // it stops by now
  kept.Send("GET /second HTTP/1.1\r\n\r\n");
  const std::string answered = kept.ReadToEnd();
  stop.join();
  EXPECT_NE(answered.find("told of /second"), std::string::npos) << answered;
  EXPECT_NE(answered.find("Connection: close"), std::string::npos) << answered;
}

TEST(Server, AnswersAfterStopAreDropped) {
  std::promise<Responder> pending;
  Running running = StartTcp([&](const Request&, Responder responder) { pending.set_value(std::move(responder)); });
  RawPeer caller(running.port);
  caller.Send("GET / HTTP/1.1\r\n\r\n");
  Responder responder = pending.get_future().get();
  running.server->Stop(std::chrono::milliseconds(1));
  running.server.reset();
  const auto stream = responder.StartStream(Plain("x"));
  bool closed = false;
  stream->OnClosed([&closed] { closed = true; });
  EXPECT_TRUE(closed);
  EXPECT_FALSE(stream->Write("y"));
}

}  // namespace
}  // namespace asya::http
