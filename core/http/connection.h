// Connection: one peer's requests in turn, from bytes to handler and back. Internal to core/http.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/http/loop.h"
#include "core/http/request_reader.h"
#include "core/http/server.h"
#include "core/http/server_metrics.h"
#include "core/http/stream_buffer.h"
#include "core/http/tls.h"
#include "core/http/wire.h"

namespace asya::http {

// What all connections of a server share.
struct ServerContext {
  ServerContext(ServerLimits server_limits, Handler request_handler, observe::Logger server_logger)
      : limits(server_limits), handler(std::move(request_handler)), logger(std::move(server_logger)) {}
  ServerLimits limits;
  Handler handler;
  observe::Logger logger;
  ServerMetrics metrics;
  CurrentTls tls;
  bool tls_only = false;
  bool heads_first = false;
  std::atomic<bool> stopping{false};
  std::function<void()> on_connection_closed;  // on its loop
};

// Everything but Answer, BeginStream, ReadBody and WatchPeer (any thread) is called on the loop's thread.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Loop> loop, std::shared_ptr<ServerContext> context, Socket socket, std::string peer);

  void Start();
  // Ends when the running request, if any, is answered. One that is on its way, on a connection that was kept, is
  // answered too when it comes within `quiet`.
  void Shutdown(std::chrono::milliseconds quiet);
  // Ends now.
  void Abort();

  // From the wire.
  void OnRead(boost::system::error_code error, std::size_t got);
  void OnWritten(boost::system::error_code error);
  void OnHandshake(boost::system::error_code error);
  void OnFinished();

  // From the responder of request number `serial`.
  void Answer(std::uint64_t serial, Response response);
  std::shared_ptr<Stream> BeginStream(std::uint64_t serial, Response head);
  void ReadBody(std::uint64_t serial, Request request, Handler next);
  void WatchPeer(std::uint64_t serial, std::function<void()> callback);

 private:
  enum class State { kWaiting, kReading, kHandling, kWriting, kStreaming, kFinishing, kClosed };
  static constexpr std::size_t kReadChunkBytes = 16U << 10U;
  static constexpr std::size_t kPipelineLimitBytes = 64U << 10U;  // read ahead of the request in hand
  static constexpr std::chrono::seconds kFinishTimeout{2};        // for the peer to take note of our end

  void ArmRead();
  void Received(std::string_view bytes);
  void UpgradeToTls(std::shared_ptr<boost::asio::ssl::context> tls, std::string_view first_bytes);
  void ReadRequest();
  void JudgeClientCertificate();
  void Dispatch();
  void GoOnWithBody();
  void Call(const Handler& handler, Request request);
  void Refuse(int status, const std::string& detail);
  void NextRequest();
  void WriteResponse(Response response);
  void WriteMore();
  void StartStreaming(const std::shared_ptr<StreamBuffer>& buffer, Response head);
  void FlushStream();
  void Finish();
  void PeerGone();
  void SetDeadline(std::chrono::steady_clock::duration after);
  void ArmTimer();
  void OnDeadline();

  std::shared_ptr<Loop> loop_;
  std::shared_ptr<ServerContext> context_;
  std::unique_ptr<Wire> wire_;
  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_;
  std::chrono::steady_clock::time_point armed_for_ = std::chrono::steady_clock::time_point::max();
  std::chrono::steady_clock::time_point request_started_;
  std::string peer_;
  bool secure_ = false;
  std::shared_ptr<const ClientCertificate> client_certificate_;
  std::shared_ptr<boost::asio::ssl::context> judged_by_;  // whose authorities have looked at it
  bool first_read_ = true;

  State state_ = State::kWaiting;
  bool read_pending_ = false;
  bool write_pending_ = false;
  bool close_after_ = false;
  bool head_only_ = false;
  bool chunked_ = true;
  bool peer_gone_ = false;
  bool body_pending_ = false;
  std::optional<std::pair<Request, Handler>> wants_body_;
  bool linger_ = false;  // an unread body would turn our answer into a reset
  std::uint64_t serial_ = 0;
  std::function<void()> peer_gone_callback_;

  std::array<char, kReadChunkBytes> chunk_;
  std::string input_;
  RequestReader reader_;
  std::string head_;
  std::string body_;
  std::function<std::string()> more_;  // of the response that is being written
  std::shared_ptr<StreamBuffer> stream_;
  bool stream_ending_ = false;
};

}  // namespace asya::http
