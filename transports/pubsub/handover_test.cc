// A server that wants a new connection: leases live on, and what is under way comes to its end.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "core/base/random.h"
#include "core/base/unique_fd.h"
#include "transports/conformance/recorder_suite.h"
#include "transports/pubsub/consumer.h"
#include "transports/pubsub/grpc.h"
#include "transports/pubsub/marks.h"
#include "transports/pubsub/wire.h"

namespace asya::transports::pubsub {
namespace {

// One HTTP/2 connection of the server below: answers with what its owner says, by the path and the body of the call.
class Peer {
 public:
  // nullopt: the call waits. An error: it is refused as INVALID_ARGUMENT.
  using Answering =
      std::function<std::optional<Result<std::string>>(const std::string& path, const std::string& request)>;

  Peer(UniqueFd fd, Answering answer)
      : fd_(std::move(fd)), answer_(std::move(answer)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_server_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Peer() { nghttp2_session_del(session_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] int fd() const { return fd_.get(); }
  void Leave() { nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last_stream_, NGHTTP2_NO_ERROR, nullptr, 0); }
  bool Receive() {
    std::array<std::uint8_t, 16384> bytes;
    const ssize_t count = recv(fd_.get(), bytes.data(), bytes.size(), 0);
    return count > 0 && nghttp2_session_mem_recv(session_, bytes.data(), static_cast<std::size_t>(count)) >= 0;
  }
  void Send() {
    const std::uint8_t* bytes = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;) {
      static_cast<void>(!send(fd_.get(), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL));
    }
  }

 private:
  static int OnHeader(nghttp2_session* /*session*/, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t /*flags*/,
                      void* self) {
    auto* peer = static_cast<Peer*>(self);
    const std::string key(reinterpret_cast<const char*>(name), name_size);
    if (key == ":path") {
      peer->paths_[frame->hd.stream_id] = std::string(reinterpret_cast<const char*>(value), value_size);
    }
    return 0;
  }
  static int OnData(nghttp2_session* /*session*/, std::uint8_t /*flags*/, std::int32_t stream,
                    const std::uint8_t* bytes, std::size_t size, void* self) {
    static_cast<Peer*>(self)->requests_[stream].append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }
  static int OnFrame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* self) {
    auto* peer = static_cast<Peer*>(self);
    const bool whole = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (whole && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
      peer->Answer(frame->hd.stream_id);
    }
    return 0;
  }
  void Answer(std::int32_t stream) {
    last_stream_ = std::max(last_stream_, stream);
    const auto answer = answer_(paths_[stream], requests_[stream]);
    if (!answer) return;
    if (!answer->ok()) {
      const std::array<nghttp2_nv, 2> refused = {Header(":status", "200"), Header("grpc-status", "3")};
      nghttp2_submit_response(session_, stream, refused.data(), refused.size(), nullptr);
      return;
    }
    bodies_[stream] = grpc::Framed(**answer);
    nghttp2_data_provider body{};
    body.read_callback = [](nghttp2_session* session, std::int32_t id, std::uint8_t* target, std::size_t /*size*/,
                            std::uint32_t* flags, nghttp2_data_source* /*source*/, void* self) -> ssize_t {
      const std::string bytes = static_cast<Peer*>(self)->bodies_[id];
      std::memcpy(target, bytes.data(), bytes.size());
      *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const std::array<nghttp2_nv, 1> trailers = {Header("grpc-status", "0")};
      nghttp2_submit_trailer(session, id, trailers.data(), trailers.size());
      return static_cast<ssize_t>(bytes.size());
    };
    const std::array<nghttp2_nv, 1> headers = {Header(":status", "200")};
    nghttp2_submit_response(session_, stream, headers.data(), headers.size(), &body);
  }
  static nghttp2_nv Header(const char* name, const char* value) {
    nghttp2_nv header{};
    header.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name));
    header.namelen = std::strlen(name);
    header.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value));
    header.valuelen = std::strlen(value);
    return header;
  }

  const UniqueFd fd_;
  const Answering answer_;
  nghttp2_session* session_ = nullptr;
  std::int32_t last_stream_ = 0;
  std::map<std::int32_t, std::string> paths_;
  std::map<std::int32_t, std::string> requests_;
  std::map<std::int32_t, std::string> bodies_;
};

// Gives out one message on its first connection.
class LeavingServer {
 public:
  // What it gives out: a message with these attributes, delivered so many times.
  explicit LeavingServer(Attributes attributes = {}, std::uint64_t attempt = 1)
      : attributes_(std::move(attributes)), attempt_(attempt) {
    listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
    listen(listener_.get(), 8);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~LeavingServer() {
    ending_ = true;
    thread_.join();
  }
  LeavingServer(const LeavingServer&) = delete;
  LeavingServer& operator=(const LeavingServer&) = delete;

  [[nodiscard]] const std::string& port() const { return port_; }
  void Leave() { leave_ = true; }
  // "CONNECTION" of each, and "CONNECTION PATH" of every call so far.
  [[nodiscard]] bool Saw(const std::string& call) {
    const std::lock_guard lock(mutex_);
    return calls_.contains(call);
  }

  // Refuses messages with "bad" in them.
  [[nodiscard]] bool Took(const std::string& body) {
    const std::lock_guard lock(mutex_);
    return taken_.find(body) != std::string::npos;
  }

 private:
  void Serve() {
    while (!ending_) {
      if (leave_.exchange(false)) peers_.begin()->second->Leave();
      std::vector<pollfd> ready = {pollfd{listener_.get(), POLLIN, 0}};
      for (const auto& [number, peer] : peers_) ready.push_back({peer->fd(), POLLIN, 0});
      poll(ready.data(), ready.size(), 1);
      std::size_t at = 1;
      for (auto peer = peers_.begin(); peer != peers_.end(); ++at) {
        const bool alive = ready[at].revents == 0 || peer->second->Receive();
        if (alive) peer->second->Send();
        peer = alive ? std::next(peer) : peers_.erase(peer);
      }
      if (ready[0].revents == 0) continue;
      const int number = ++connections_;
      {
        const std::lock_guard lock(mutex_);
        calls_.insert(std::to_string(number));
      }
      peers_[number] = std::make_unique<Peer>(UniqueFd(accept(listener_.get(), nullptr, nullptr)),
                                              [this, number](const std::string& path, const std::string& request) {
                                                return Answer(number, path, request);
                                              });
    }
  }

  std::optional<Result<std::string>> Answer(int connection, const std::string& path, const std::string& request) {
    const std::lock_guard lock(mutex_);
    calls_.insert(std::to_string(connection) + " " + path);
    if (path == kPublish && request.find("bad") != std::string::npos) return Fail(ErrorCode::kInvalid, "bad");
    taken_ += request;
    if (path == kGetSubscription) {
      constexpr int kLeaseS = 60;
      Subscription subscription;
      subscription.ack_deadline_s = kLeaseS;
      return EncodeSubscription(subscription);
    }
    if (path != kPull) return std::string();
    if (gave_) return std::nullopt;
    gave_ = true;
    std::string received;
    Writer writer(received);
    writer.Bytes(1, "ack-1");
    writer.Bytes(2, EncodeMessage("body", attributes_));
    writer.Number(3, attempt_);
    std::string pulled;
    Writer(pulled).Bytes(1, received);
    return pulled;
  }

  const Attributes attributes_;
  const std::uint64_t attempt_;
  UniqueFd listener_;
  std::string port_;
  std::map<int, std::unique_ptr<Peer>> peers_;  // of the thread alone
  int connections_ = 0;
  bool gave_ = false;
  std::string taken_;  // all requests but those that were refused
  std::mutex mutex_;
  std::set<std::string> calls_;
  std::atomic<bool> leave_{false};
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

ConsumerSettings SettingsOf(const LeavingServer& server) {
  ConsumerSettings settings;
  settings.address = ParseEndpoint("p", "127.0.0.1:" + server.port()).value();
  settings.queue = "asya-test-a";
  return settings;
}

bool Sees(LeavingServer& server, const std::string& call) {
  const auto limit = std::chrono::steady_clock::now() + conformance::kPatience;
  while (!server.Saw(call) && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return server.Saw(call);
}

// Deliveries are counted by the server, and once the retry is due they would look like deaths of workers.
TEST(PubsubHandover, ARetryThatComesAgainBeforeItsTimeIsReplacedByAFreshCopy) {
  LeavingServer server(Marked("id", 0, RealClock().Now() + std::chrono::hours(1)), 2);
  Random random(1);
  const ConsumerSettings settings = SettingsOf(server);
  conformance::Recorder recorder(std::make_unique<Consumer>(settings, RealClock(), random), 1);
  recorder.Start();
  EXPECT_TRUE(Sees(server, std::string("1 ") + kPublish));
  EXPECT_TRUE(Sees(server, std::string("1 ") + kAcknowledge));
}

// Else it would come again at once, and be refused again, for as long as it is early.
TEST(PubsubHandover, ARetryWhoseCopyIsRefusedIsLetGoForAWhile) {
  LeavingServer server(Marked("bad", 0, RealClock().Now() + std::chrono::hours(1)), 2);
  Random random(1);
  const ConsumerSettings settings = SettingsOf(server);
  conformance::Recorder recorder(std::make_unique<Consumer>(settings, RealClock(), random), 1);
  recorder.Start();
  EXPECT_TRUE(Sees(server, std::string("1 ") + kModifyAckDeadline));
  EXPECT_TRUE(server.Took(EncodeModify(SubscriptionName("p", "asya-test-a"), {"ack-1"}, kRefusedCopyPauseS)));
}

TEST(PubsubHandover, ALeaseOutlivesTheConnectionItCameOver) {
  LeavingServer server;
  Random random(1);
  const ConsumerSettings settings = SettingsOf(server);
  conformance::Recorder recorder(std::make_unique<Consumer>(settings, RealClock(), random), 2);
  recorder.Start();
  const auto taken = recorder.Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(recorder.TakeConnection(), true);
  server.Leave();
  EXPECT_TRUE(Sees(server, "2"));
  // The first call on the new connection asks for one message more.
  recorder.Queue().Grant(1);
  EXPECT_TRUE(Sees(server, std::string("2 ") + kPull));
  ports::Settlement settlement;
  settlement.tag = taken[0].tag;
  EXPECT_TRUE(recorder.Settle(settlement).ok());
  EXPECT_TRUE(Sees(server, std::string("2 ") + kAcknowledge));
  EXPECT_EQ(recorder.TakeConnection(std::chrono::milliseconds(1)), std::nullopt);
}

TEST(PubsubHandover, ARequestOfSeveralThatIsRefusedIsMadeForEachMessageAlone) {
  LeavingServer server;
  ChannelSettings settings;
  settings.address = ParseEndpoint("p", "127.0.0.1:" + server.port()).value();
  Channel channel(settings, RealClock());
  ASSERT_TRUE(channel.Begin().ok());
  Publishing publishing(channel, "p", RealClock());
  std::vector<std::optional<Status>> outcomes(3);
  const std::array<std::string, 3> bodies = {"first", "bad", "last"};
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    publishing.Send({{"asya-test-a", bodies[i], {}}}, [&, i](const Status& status) { outcomes[i] = status; });
  }
  const auto limit = std::chrono::steady_clock::now() + conformance::kPatience;
  while (!publishing.idle() && std::chrono::steady_clock::now() < limit) {
    pollfd ready{channel.fd(), POLLIN, 0};
    poll(&ready, 1, 1);
    ASSERT_TRUE(channel.Advance((ready.revents & POLLIN) != 0).ok());
    publishing.Pump();
    ASSERT_TRUE(channel.Flush().ok());
  }
  ASSERT_TRUE(publishing.idle());
  EXPECT_TRUE(outcomes[0]->ok());
  EXPECT_EQ(outcomes[1]->error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(outcomes[2]->ok());
  EXPECT_TRUE(server.Took("first") && server.Took("last"));
}

}  // namespace
}  // namespace asya::transports::pubsub
