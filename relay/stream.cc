#include "relay/stream.h"

#include <poll.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "relay/stream_state.h"

namespace asya::relay {

Error ErrorOf(const std::string& doing, const boost::system::error_code& error) {
  return Fail(ErrorCode::kUnavailable, doing + ": " + error.message());
}

void Stream::State::ReadMore() {
  socket.async_read_some(boost::asio::buffer(buffer),
                         [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
                           if (self->closed) return;
                           if (error) {
                             self->End(error);
                             return;
                           }
                           if (self->on_data) self->on_data(std::string_view(self->buffer.data(), size));
                           if (!self->closed) self->ReadMore();
                         });
}

void Stream::State::WriteMore() {
  if (unsent.empty() || writing || closed) return;
  writing = true;
  boost::asio::async_write(socket, boost::asio::buffer(unsent.front()),
                           [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
                             self->bytes_sent += size;
                             self->writing = false;
                             if (self->closed) return;
                             if (error) {
                               self->End(error);
                               return;
                             }
                             self->unsent.pop_front();
                             if (self->unsent.empty() && self->close_after_writes) {
                               self->End({});
                             } else {
                               self->WriteMore();
                             }
                           });
}

void Stream::State::End(const boost::system::error_code& error) {
  closed = true;
  boost::system::error_code ignored;
  socket.close(ignored);
  const OnEnd ended = std::move(on_end);
  on_end = nullptr;
  const bool in_order = !error || error == boost::asio::error::eof;
  if (ended) ended(in_order ? Ok() : Status(ErrorOf("connection lost", error)));
}

void Stream::Read(OnData on_data, OnEnd on_end) {
  state_->on_data = std::move(on_data);
  state_->on_end = std::move(on_end);
  state_->ReadMore();
}

void Stream::Write(std::string bytes) {
  if (state_->closed) return;
  state_->unsent.push_back(std::move(bytes));
  state_->WriteMore();
}

void Stream::CloseAfterWrites() {
  state_->close_after_writes = true;
  if (state_->unsent.empty() && !state_->closed) state_->End({});
}

void Stream::Close() {
  if (state_->closed) return;
  state_->closed = true;
  boost::system::error_code ignored;
  state_->socket.close(ignored);
  // A callback may be what is running right now: its captures are released only after it has returned.
  state_->on_end = nullptr;
}

std::uint64_t Stream::bytes_sent() const { return state_->bytes_sent; }

bool Stream::open() const {
  if (state_->closed) return false;
  pollfd descriptor{state_->socket.native_handle(), POLLIN | POLLRDHUP, 0};
  return ::poll(&descriptor, 1, 0) == 0;
}

}  // namespace asya::relay
