// SocketPeer: a peer on the other side of a socket, told in frames.
#pragma once

#include <string>
#include <utility>

#include "transports/sqlite/peer.h"
#include "transports/sqlite/stream.h"

namespace asya::transports::sqlite {

class SocketPeer final : public Peer {
 public:
  explicit SocketPeer(UniqueFd fd) : stream_(std::move(fd)) {}

  [[nodiscard]] Stream& stream() { return stream_; }
  void Refuse(const std::string& reason) { FrameWriter(stream_.out(), FrameType::kRefused).Bytes(reason); }
  void Pong() { FrameWriter(stream_.out(), FrameType::kPong); }

  void Welcome(std::chrono::milliseconds lease, std::size_t message_limit_bytes) override {
    FrameWriter(stream_.out(), FrameType::kWelcome)
        .U8(kProtocolVersion)
        .U32(static_cast<std::uint32_t>(lease.count()))
        .U32(static_cast<std::uint32_t>(message_limit_bytes));
  }
  void Waiting(const std::string& reason) override { FrameWriter(stream_.out(), FrameType::kWaiting).Bytes(reason); }
  void Deliver(std::uint64_t tag, std::int64_t crash_count, std::int64_t since_us, std::string_view body) override {
    FrameWriter(stream_.out(), FrameType::kDelivery).U64(tag).I64(crash_count).I64(since_us).Bytes(body);
  }
  void Settled(std::uint64_t tag, const Status& status) override { WriteSettled(stream_.out(), tag, status); }
  [[nodiscard]] std::size_t unsent_bytes() const override { return stream_.unsent_bytes(); }
  Status Flush() override { return stream_.Flush(); }

 private:
  Stream stream_;
};

}  // namespace asya::transports::sqlite
