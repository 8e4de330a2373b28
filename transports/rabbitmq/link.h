// Link: one AMQP connection: handshake, heartbeats, frames in and out; driven by the loop of its owner.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "transports/net/socket.h"
#include "transports/rabbitmq/address.h"
#include "transports/rabbitmq/frames.h"

namespace asya::transports::rabbitmq {

struct LinkSettings {
  BrokerAddress address;
  std::string name;                              // how the broker's own tools show the connection
  std::chrono::milliseconds open_limit{15'000};  // from the question for the name to the end of the handshake
  std::chrono::seconds heartbeat{10};  // proposed; the broker may want less. Silence of twice that ends the link
  net::Lookup lookup = net::LookUp;    // of names
};

class Link {
 public:
  using Take = TakeArrival;

  // `take` gets what arrives on channels from 1 on, once the link is open; it may send, but not destroy the link.
  Link(const LinkSettings& settings, const Clock& clock, Take take);

  // Begins to connect.
  Status Begin();
  // To be called when the descriptor is ready or the deadline is over; an error ends the link: kUnavailable,
  // kUnauthorized (refused by the broker), kClosed. Without `readable` an open link is not read from.
  Status Advance(bool readable = true);
  [[nodiscard]] int fd() const { return socket_.fd(); }
  [[nodiscard]] bool wants_write() const { return socket_.wants_write(); }
  [[nodiscard]] SteadyTime deadline() const;
  [[nodiscard]] bool open() const { return state_ == State::kOpen; }
  [[nodiscard]] bool closed() const { return state_ == State::kClosed; }
  // The broker takes no messages for now.
  [[nodiscard]] bool blocked() const { return blocked_; }
  [[nodiscard]] const std::string& blocked_reason() const { return blocked_reason_; }
  // When the broker last began to take messages again.
  [[nodiscard]] SteadyTime unblocked_at() const { return unblocked_at_; }
  // Of the broker, e.g. 310 for 3.10; 0 while unknown.
  [[nodiscard]] int version() const { return version_; }

  // Collected until Flush().
  void Send(std::uint16_t channel, std::string_view method) { AppendMethod(out_, channel, method); }
  void SendContent(std::uint16_t channel, const Properties& properties, std::string_view body) {
    AppendContent(out_, channel, properties, body, frame_bytes_max_);
  }
  Status Flush();
  [[nodiscard]] std::size_t unsent_bytes() const { return out_.size() + socket_.unsent_bytes(); }
  // Says goodbye; closed() once the broker has answered.
  void BeginClose();

 private:
  enum class State { kConnecting, kShaking, kOpen, kClosing, kClosed };
  Status AdvanceConnecting();
  Status CheckTimes(SteadyTime now);
  Status TakeFrames();
  Status OnArrival(Arrival&& arrival);
  Status OnConnectionMethod(const Method& method);
  void AnswerStart(const Method& method);

  const LinkSettings settings_;
  const Clock& clock_;
  const Take take_;
  net::Socket socket_;
  Assembler assembler_;
  State state_ = State::kConnecting;
  std::string in_;
  std::string out_;
  std::size_t frame_bytes_max_ = kFrameBytesMax;
  std::chrono::milliseconds heartbeat_{0};  // 0: none
  SteadyTime opened_by_{};
  SteadyTime heard_at_{};
  SteadyTime sent_at_{};
  bool blocked_ = false;
  std::string blocked_reason_;
  SteadyTime unblocked_at_ = SteadyTime::min();
  int version_ = 0;
};

}  // namespace asya::transports::rabbitmq
