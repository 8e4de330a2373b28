#include "core/http/connection.h"

#include <boost/asio/error.hpp>
#include <exception>
#include <utility>

#include "core/http/problem.h"
#include "core/http/response_head.h"
#include "core/http/target.h"

namespace asya::http {
namespace {

using boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;
constexpr unsigned char kTlsHandshakeRecord = 0x16;

class ConnectionSink final : public Responder::Sink {
 public:
  ConnectionSink(std::shared_ptr<Connection> connection, std::uint64_t serial, bool chunked)
      : connection_(std::move(connection)), serial_(serial), chunked_(chunked) {}
  void Send(Response response) override {
    connection_->Answer(serial_, chunked_ ? std::move(response) : InOnePiece(std::move(response)));
  }
  std::shared_ptr<Stream> StartStream(Response head) override {
    return connection_->BeginStream(serial_, std::move(head));
  }
  void ReadBody(Request request, Handler next) override {
    connection_->ReadBody(serial_, std::move(request), std::move(next));
  }
  void OnPeerGone(std::function<void()> callback) override { connection_->WatchPeer(serial_, std::move(callback)); }

 private:
  std::shared_ptr<Connection> connection_;
  std::uint64_t serial_;
  bool chunked_;  // the peer knows chunks
};

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, std::shared_ptr<ServerContext> context, Socket socket,
                       std::string peer)
    : loop_(std::move(loop)),
      context_(std::move(context)),
      wire_(MakePlainWire(std::move(socket))),
      timer_(loop_->io),
      deadline_(SteadyClock::time_point::max()),
      peer_(std::move(peer)),
      reader_(context_->limits.header_bytes, context_->limits.body_bytes, context_->heads_first) {}

void Connection::Start() {
  SetDeadline(context_->limits.request_timeout);
  ArmRead();
}

void Connection::Shutdown(std::chrono::milliseconds quiet) {
  close_after_ = true;
  if (state_ == State::kWaiting) return quiet.count() > 0 ? SetDeadline(quiet) : Abort();
  if (state_ == State::kStreaming) stream_->Close();
}

void Connection::Abort() {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  const State before = std::exchange(state_, State::kClosed);
  timer_.cancel();
  wire_->Close();
  if (stream_) {
    context_->metrics.StreamClosed();
    std::exchange(stream_, nullptr)->Ended();
  }
  if (before == State::kHandling) PeerGone();
  peer_gone_callback_ = nullptr;
  wants_body_.reset();
  loop_->connections.erase(self);
  context_->metrics.ConnectionClosed();
  context_->on_connection_closed();
}

void Connection::PeerGone() {
  peer_gone_ = true;
  if (const auto callback = std::exchange(peer_gone_callback_, nullptr)) callback();
}

// Reading

void Connection::ArmRead() {
  if (read_pending_) return;
  read_pending_ = true;
  wire_->Read(chunk_.data(), chunk_.size(), shared_from_this());
}

void Connection::OnRead(error_code error, std::size_t got) {
  read_pending_ = false;
  if (state_ == State::kClosed) return;
  if (!error) return Received({chunk_.data(), got});
  const bool end_of_input = error == boost::asio::error::eof;
  if (state_ == State::kHandling && end_of_input) {
    // The peer may only have closed its sending side, so the answer is still tried.
    close_after_ = true;
    return PeerGone();
  }
  if (state_ == State::kWriting && end_of_input) {
    close_after_ = true;
    return;
  }
  Abort();
}

void Connection::Received(std::string_view bytes) {
  if (state_ == State::kFinishing) return ArmRead();
  if (std::exchange(first_read_, false)) {
    const bool tls_hello = static_cast<unsigned char>(bytes[0]) == kTlsHandshakeRecord;
    const auto tls = context_->tls.Get();
    if (tls && tls_hello) return UpgradeToTls(tls, bytes);
    if (context_->tls_only) return Refuse(400, "this port speaks TLS only");
  }
  input_.append(bytes);
  if (state_ == State::kWaiting) SetDeadline(context_->limits.request_timeout);
  if (state_ == State::kWaiting || state_ == State::kReading) return ReadRequest();
  if (!body_pending_ && input_.size() < kPipelineLimitBytes) ArmRead();
}

void Connection::UpgradeToTls(std::shared_ptr<boost::asio::ssl::context> tls, std::string_view first_bytes) {
  wire_ = MakeTlsWire(wire_->Release(), std::move(tls), std::string(first_bytes), shared_from_this());
}

void Connection::OnHandshake(error_code error) {
  if (state_ == State::kClosed) return;
  if (error) return Abort();
  secure_ = true;
  ArmRead();
}

// Anew after the authorities have changed: who is trusted no longer must not go on because a connection is open.
void Connection::JudgeClientCertificate() {
  auto tls = context_->tls.Get();
  if (tls == judged_by_) return;
  client_certificate_ = nullptr;
  auto certificate = wire_->ReadClientCertificate(*tls);
  judged_by_ = std::move(tls);
  if (certificate.ok()) {
    client_certificate_ = std::move(certificate).value();
  } else {
    context_->logger.Info("a client certificate is not accepted",
                          {{"peer", peer_}, {"reason", certificate.error().message}});
  }
}

void Connection::ReadRequest() {
  state_ = State::kReading;
  std::size_t consumed = 0;
  const RequestReader::State outcome = reader_.Feed(input_, consumed);
  input_.erase(0, consumed);
  switch (outcome) {
    case RequestReader::State::kNeedMore:
      return ArmRead();
    case RequestReader::State::kContinue:
      head_ = "HTTP/1.1 100 Continue\r\n\r\n";
      write_pending_ = true;
      return wire_->Write(head_, {}, shared_from_this());
    case RequestReader::State::kHead:
      body_pending_ = true;
      return Dispatch();
    case RequestReader::State::kDone:
      return body_pending_ ? GoOnWithBody() : Dispatch();
    case RequestReader::State::kBad:
      return Refuse(reader_.status(), reader_.detail());
  }
}

void Connection::Dispatch() {
  Request request = reader_.Take();
  auto target = ParseTarget(request.path);
  if (!target) return Refuse(400, "the request target is no path");
  request.body_pending = body_pending_;
  request.path = std::move(target->path);
  request.query = std::move(target->query);
  request.peer = peer_;
  request.secure = secure_;
  if (secure_) JudgeClientCertificate();
  request.client_certificate = client_certificate_;
  head_only_ = request.method == "HEAD";
  chunked_ = !reader_.http_1_0();
  close_after_ = close_after_ || !reader_.keep_alive();
  peer_gone_ = false;
  state_ = State::kHandling;
  deadline_ = SteadyClock::time_point::max();
  request_started_ = SteadyClock::now();
  ++serial_;
  Call(context_->handler, std::move(request));
}

void Connection::GoOnWithBody() {
  body_pending_ = false;
  auto [request, next] = *std::exchange(wants_body_, std::nullopt);
  request.body = reader_.TakeBody();
  request.body_pending = false;
  state_ = State::kHandling;
  deadline_ = SteadyClock::time_point::max();
  Call(next, std::move(request));
}

void Connection::Call(const Handler& handler, Request request) {
  try {
    handler(std::move(request), Responder(std::make_unique<ConnectionSink>(shared_from_this(), serial_, chunked_)));
  } catch (const std::exception& error) {
    context_->logger.Error("a handler threw", {{"error", error.what()}});
  }
  // A pending read is how a peer that hangs up is noticed while the answer is made.
  const bool unanswered = state_ == State::kHandling || state_ == State::kStreaming;
  if (unanswered && !body_pending_ && input_.size() < kPipelineLimitBytes) ArmRead();
}

void Connection::ReadBody(std::uint64_t serial, Request request, Handler next) {
  loop_->Run([self = shared_from_this(), serial, wants = std::pair(std::move(request), std::move(next))]() mutable {
    if (self->serial_ != serial || self->state_ != State::kHandling) return;
    self->wants_body_ = std::move(wants);
    self->SetDeadline(self->context_->limits.request_timeout);
    self->ReadRequest();
  });
}

// Answering

void Connection::Answer(std::uint64_t serial, Response response) {
  loop_->Run([self = shared_from_this(), serial, response = std::move(response)]() mutable {
    if (self->serial_ != serial || self->state_ != State::kHandling) return;
    self->WriteResponse(std::move(response));
  });
}

std::shared_ptr<Stream> Connection::BeginStream(std::uint64_t serial, Response head) {
  const auto self = shared_from_this();
  const auto buffer = std::make_shared<StreamBuffer>(context_->limits.stream_buffer_bytes,
                                                     [self] { self->loop_->Post([self] { self->FlushStream(); }); });
  const bool accepted = loop_->Run([self, serial, buffer, head = std::move(head)]() mutable {
    if (self->serial_ != serial || self->state_ != State::kHandling) return buffer->Ended();
    self->StartStreaming(buffer, std::move(head));
  });
  if (!accepted) buffer->Ended();
  return std::make_shared<BufferedStream>(buffer);
}

void Connection::WatchPeer(std::uint64_t serial, std::function<void()> callback) {
  loop_->Post([self = shared_from_this(), serial, callback = std::move(callback)]() mutable {
    if (self->serial_ != serial) return;
    if (self->peer_gone_) return callback();
    if (self->state_ == State::kHandling) self->peer_gone_callback_ = std::move(callback);
  });
}

void Connection::Refuse(int status, const std::string& detail) {
  close_after_ = true;
  linger_ = true;
  head_only_ = false;
  wants_body_.reset();
  ++serial_;
  request_started_ = SteadyClock::now();
  WriteResponse(ProblemResponse(status, detail));
}

void Connection::WriteResponse(Response response) {
  constexpr std::size_t kOneBufferBytes = 8U
                                          << 10U;  // below it, copying is cheaper than a second segment or TLS record
  context_->metrics.Answered(response.status,
                             std::chrono::duration<double>(SteadyClock::now() - request_started_).count());
  peer_gone_callback_ = nullptr;
  linger_ = linger_ || body_pending_;
  close_after_ = close_after_ || body_pending_ || context_->stopping.load();
  const bool has_body = !head_only_ && response.status != 204 && response.status != 304;
  head_ = ResponseHead(response, response.more ? Framing::kChunked : Framing::kLength, close_after_);
  body_ = has_body ? std::move(response.body) : std::string();
  more_ = has_body ? std::move(response.more) : nullptr;
  if (more_ && !body_.empty()) body_ = Chunk(body_);
  if (body_.size() < kOneBufferBytes) head_ += std::exchange(body_, {});
  state_ = State::kWriting;
  write_pending_ = true;
  SetDeadline(context_->limits.write_timeout);
  wire_->Write(head_, body_, shared_from_this());
}

void Connection::WriteMore() {
  const std::string piece = more_();
  if (piece.empty()) more_ = nullptr;
  body_ = Chunk(piece);
  write_pending_ = true;
  SetDeadline(context_->limits.write_timeout);
  wire_->Write(body_, {}, shared_from_this());
}

void Connection::StartStreaming(const std::shared_ptr<StreamBuffer>& buffer, Response head) {
  context_->metrics.Answered(head.status, std::chrono::duration<double>(SteadyClock::now() - request_started_).count());
  context_->metrics.StreamOpened();
  peer_gone_callback_ = nullptr;
  linger_ = linger_ || body_pending_;
  close_after_ = close_after_ || body_pending_ || !chunked_ || context_->stopping.load();
  state_ = State::kStreaming;
  stream_ = buffer;
  stream_ending_ = false;
  head_ = ResponseHead(head, chunked_ ? Framing::kChunked : Framing::kUntilClose, close_after_);
  if (!head.body.empty() && !head_only_) head_ += chunked_ ? Chunk(head.body) : head.body;
  body_.clear();
  write_pending_ = true;
  SetDeadline(context_->limits.write_timeout);
  wire_->Write(head_, body_, shared_from_this());
  if (head_only_ || context_->stopping.load()) stream_->Close();
  if (peer_gone_) Abort();
}

void Connection::FlushStream() {
  if (state_ != State::kStreaming) return;
  // Asked first: the write of a peer that does not read may be pending for long.
  if (stream_->cut_off()) {
    context_->metrics.StreamCutOff();
    return Abort();
  }
  if (write_pending_) return;
  StreamBuffer::Work work = stream_->Take();
  if (work.bytes.empty() && !work.end) return;
  body_.clear();
  if (!work.bytes.empty() && !head_only_) body_ = chunked_ ? Chunk(work.bytes) : std::move(work.bytes);
  if (work.end && chunked_ && !head_only_) body_ += Chunk({});
  stream_ending_ = work.end;
  write_pending_ = true;
  SetDeadline(context_->limits.write_timeout);
  wire_->Write(body_, {}, shared_from_this());
}

void Connection::OnWritten(error_code error) {
  write_pending_ = false;
  if (state_ == State::kClosed) return;
  if (error) return Abort();
  if (state_ == State::kReading) return ReadRequest();
  if (state_ == State::kWriting) return more_ ? WriteMore() : NextRequest();
  if (state_ != State::kStreaming) return;
  stream_->Written();
  deadline_ = SteadyClock::time_point::max();
  if (!stream_ending_) return FlushStream();
  context_->metrics.StreamClosed();
  std::exchange(stream_, nullptr)->Ended();
  NextRequest();
}

void Connection::NextRequest() {
  if (close_after_ || context_->stopping.load()) return Finish();
  state_ = State::kWaiting;
  std::string().swap(body_);  // an idle connection must not hold the largest answer it ever gave
  reader_ = RequestReader(context_->limits.header_bytes, context_->limits.body_bytes, context_->heads_first);
  SetDeadline(input_.empty() ? context_->limits.idle_timeout : context_->limits.request_timeout);
  if (!input_.empty()) return ReadRequest();
  ArmRead();
}

void Connection::Finish() {
  state_ = State::kFinishing;
  SetDeadline(kFinishTimeout);
  // The end of TLS is waited for by who cannot take what the peer still sends: it is left to the peer, which was told
  // by the head of our answer.
  if (linger_ && secure_) return ArmRead();
  wire_->Finish(shared_from_this());
}

void Connection::OnFinished() {
  if (state_ != State::kFinishing) return;
  if (!linger_) return Abort();
  ArmRead();
}

// Deadlines: one timer that is only set anew when the deadline comes nearer, since most requests move it away.

void Connection::SetDeadline(SteadyClock::duration after) {
  deadline_ = SteadyClock::now() + after;
  if (deadline_ < armed_for_) ArmTimer();
}

void Connection::ArmTimer() {
  armed_for_ = deadline_;
  timer_.expires_at(deadline_);
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (error || self->state_ == State::kClosed) return;
    self->armed_for_ = SteadyClock::time_point::max();
    if (SteadyClock::now() >= self->deadline_) return self->OnDeadline();
    if (self->deadline_ != SteadyClock::time_point::max()) self->ArmTimer();
  });
}

void Connection::OnDeadline() {
  if (state_ == State::kReading && !write_pending_) return Refuse(408, "the request came too slowly");
  Abort();
}

}  // namespace asya::http
