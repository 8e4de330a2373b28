#include "relay/stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "relay/reactor_state.h"
#include "relay/stream_state.h"

namespace asya::relay {
namespace {

constexpr int kReadsMax = 16;  // in one turn, so that one connection cannot hold the thread

}  // namespace

Error SystemError(const std::string& doing, int error) {
  return Fail(ErrorCode::kUnavailable, doing + ": " + std::strerror(error));
}

// Waits for whatever the stream needs now.
void Stream::State::Listen() {
  if (closed) return;
  if (watch == nullptr) {
    watch = std::make_unique<Watch>(reactor, socket.get(), [weak = weak_from_this()](bool readable, bool writable) {
      if (const auto self = weak.lock()) self->Ready(readable, writable);
    });
  }
  watch->Want(reading, has_unsent());
}

void Stream::State::Ready(bool readable, bool writable) {
  if (writable && !closed && has_unsent()) Flush();
  if (readable && !closed && reading) ReadSome();
}

void Stream::State::ReadSome() {
  std::vector<char>& buffer = reactor.state().read_buffer;
  for (int reads = 0; reads < kReadsMax && !closed; ++reads) {
    const ssize_t size = recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0) {
      const int error = errno;
      // What could not be sent tells more than the end that follows it.
      End(refusal ? Status(*refusal) : size == 0 ? Ok() : Status(SystemError("connection lost", error)));
      return;
    }
    if (on_data) on_data(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
    if (static_cast<std::size_t>(size) < buffer.size()) return;
  }
}

std::size_t Stream::State::SendSome(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const ssize_t size = send(socket.get(), bytes.data() + taken, bytes.size() - taken, MSG_NOSIGNAL);
    if (size >= 0) {
      taken += static_cast<std::size_t>(size);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      refusal = SystemError("connection lost", errno);
      EndLater();
      break;
    }
  }
  bytes_sent += taken;
  return taken;
}

void Stream::State::Flush() {
  unsent_from += SendSome(std::string_view(unsent).substr(unsent_from));
  if (has_unsent() && !refusal) return;
  unsent.clear();
  unsent.shrink_to_fit();
  unsent_from = 0;
  if (close_after_writes) EndLater();
  Listen();
}

void Stream::State::End(const Status& status) {
  const auto self = shared_from_this();  // the callback may destroy the stream
  closed = true;
  watch.reset();
  socket.Reset();
  const OnEnd ended = std::move(on_end);
  on_end = nullptr;
  if (ended) ended(status);
}

// Not from within a call of whoever writes.
void Stream::State::EndLater() {
  reactor.Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr || self->closed) return;
    // What the peer said before it refused.
    if (self->refusal && self->reading) self->ReadSome();
    if (!self->closed) self->End(self->refusal ? Status(*self->refusal) : Ok());
  });
}

void Stream::Read(OnData on_data, OnEnd on_end) {
  state_->on_data = std::move(on_data);
  state_->on_end = std::move(on_end);
  state_->reading = true;
  state_->Listen();
}

void Stream::Write(std::string_view bytes) {
  State& state = *state_;
  if (state.closed || state.refusal) return;
  if (!state.has_unsent()) bytes.remove_prefix(state.SendSome(bytes));
  if (bytes.empty() || state.refusal) return;
  state.unsent.append(bytes);
  state.Listen();
}

void Stream::CloseAfterWrites() {
  state_->close_after_writes = true;
  if (!state_->has_unsent()) state_->EndLater();
}

void Stream::Close() {
  const auto kept = state_;  // a callback of it may be what is running right now
  if (kept->closed) return;
  kept->closed = true;
  kept->watch.reset();
  kept->socket.Reset();
  kept->on_end = nullptr;
}

std::uint64_t Stream::bytes_sent() const { return state_->bytes_sent; }

bool Stream::open() const {
  if (state_->closed || state_->refusal) return false;
  pollfd descriptor{state_->socket.get(), POLLIN | POLLRDHUP, 0};
  return ::poll(&descriptor, 1, 0) == 0;
}

bool Stream::refused() const { return state_->refusal.has_value(); }

}  // namespace asya::relay
