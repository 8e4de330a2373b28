#include "transports/net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace asya::transports::net {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
constexpr std::size_t kReceiveBytesMax = 1U << 20U;  // in one call, so that one connection cannot hold the thread
constexpr std::size_t kKeptBytes = std::size_t{256} * 1024;  // of the buffer when it is empty

Error Closed(const char* why) { return Fail(ErrorCode::kClosed, why); }

}  // namespace

Status Socket::Begin(const Peer& peer, Lookup lookup) {
  if (peer.tls) {
    ASYA_TRY(tls_, http::TlsPipe::Create(peer.host, peer.ca_pem, peer.protocol));
  }
  ASYA_TRY(auto resolving, Resolving::Begin(peer.host, peer.port, lookup));
  resolving_ = std::move(resolving);
  return TakeAddresses();
}

Status Socket::TakeAddresses() {
  ASYA_TRY(auto found, resolving_->Take());
  if (!found) return Ok();
  resolving_.reset();
  addresses_ = std::move(*found);
  next_ = addresses_.get();
  return TryNext();
}

Status Socket::TryNext() {
  while (next_ != nullptr) {
    const addrinfo& address = *std::exchange(next_, next_->ai_next);
    fd_ = UniqueFd(socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_.valid()) {
      problem_ = std::strerror(errno);
      continue;
    }
    const int yes = 1;
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(fd_.get(), address.ai_addr, address.ai_addrlen) == 0 || errno == EINPROGRESS) return Ok();
    problem_ = std::strerror(errno);
  }
  return Fail(ErrorCode::kUnavailable, "cannot connect: " + problem_);
}

Status Socket::Advance() {
  if (connected_) return Ok();
  if (resolving_) return TakeAddresses();
  pollfd ready{fd_.get(), POLLOUT, 0};
  if (poll(&ready, 1, 0) != 1) return Ok();
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    problem_ = std::strerror(error);
    return TryNext();
  }
  connected_ = true;
  if (tls_ != nullptr) out_.insert(0, tls_->TakeCipher());
  return Flush();
}

Status Socket::Receive(std::string& in) {
  if (tls_ == nullptr) return Read(in);
  Status status = Read(cipher_);
  ASYA_TRY_STATUS(tls_->Receive(std::exchange(cipher_, {}), in));
  Status sent = Send({});  // TLS may have something to say by itself
  return status.ok() ? std::move(sent) : std::move(status);
}

Status Socket::Read(std::string& target) {
  thread_local std::array<char, kReadBytes> piece;
  for (std::size_t received = 0; received < kReceiveBytesMax;) {
    const ssize_t count = recv(fd_.get(), piece.data(), piece.size(), 0);
    if (count == 0) return Closed("the broker closed the connection");
    if (count < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Ok() : Status(Closed(std::strerror(errno)));
    }
    target.append(piece.data(), static_cast<std::size_t>(count));
    received += static_cast<std::size_t>(count);
    if (static_cast<std::size_t>(count) < kReadBytes) return Ok();
  }
  return Ok();
}

Status Socket::Send(std::string_view bytes) {
  if (tls_ != nullptr) {
    if (!bytes.empty()) ASYA_TRY_STATUS(tls_->Send(bytes));
    if (connected_) out_ += tls_->TakeCipher();
  } else if (connected_ && out_.empty()) {
    // Only what the system does not take at once is copied.
    ASYA_TRY(const std::size_t taken, SendSome(bytes));
    out_ = bytes.substr(taken);
    return Ok();
  } else {
    out_ += bytes;
  }
  return connected_ ? Flush() : Ok();
}

Result<std::size_t> Socket::SendSome(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const ssize_t count = send(fd_.get(), bytes.data() + taken, bytes.size() - taken, MSG_NOSIGNAL);
    if (count >= 0) {
      taken += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      return Closed(std::strerror(errno));
    }
  }
  return taken;
}

Status Socket::Flush() {
  ASYA_TRY(const std::size_t taken, SendSome(std::string_view(out_).substr(sent_)));
  sent_ += taken;
  if (sent_ < out_.size()) {
    if (sent_ > kReceiveBytesMax) {
      out_.erase(0, sent_);
      sent_ = 0;
    }
    return Ok();
  }
  out_.clear();
  sent_ = 0;
  if (out_.capacity() > kKeptBytes) out_.shrink_to_fit();
  return Ok();
}

}  // namespace asya::transports::net
