// Stream::State: the socket behind a stream, for the files here that name Asio.
#pragma once

#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "relay/stream.h"

namespace asya::relay {

using Socket = boost::asio::generic::stream_protocol::socket;

struct Stream::State : std::enable_shared_from_this<Stream::State> {
  static constexpr std::size_t kReadBytes = 16U * 1024;

  explicit State(Socket connected) : socket(std::move(connected)) {}
  void ReadMore();
  void WriteMore();
  void End(const boost::system::error_code& error);

  Socket socket;
  std::array<char, kReadBytes> buffer{};
  std::deque<std::string> unsent;
  std::uint64_t bytes_sent = 0;
  OnData on_data;
  OnEnd on_end;
  bool writing = false;
  bool closed = false;
  bool close_after_writes = false;
};

Error ErrorOf(const std::string& doing, const boost::system::error_code& error);

}  // namespace asya::relay
