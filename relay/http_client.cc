#include "relay/http_client.h"

#include <utility>

namespace asya::relay {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5000};

}  // namespace

HttpClient::HttpClient(Reactor& reactor, Peer peer) : reactor_(reactor), peer_(std::move(peer)), timer_(reactor) {}
HttpClient::~HttpClient() = default;

void HttpClient::Send(const std::string& method, const std::string& target, const std::string& body,
                      std::chrono::milliseconds timeout, OnReply on_reply) {
  on_reply_ = std::move(on_reply);
  const Address& address = peer_.address;
  const std::string host = address.is_unix() ? "localhost" : address.host + ":" + address.port;
  request_ = method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + AuthorizationOf(peer_) +
             "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  timer_.After(timeout, [this] {
    wire_.reset();
    Finish(Fail(ErrorCode::kTimeout, "no reply in time"));
  });
  reused_ = wire_ != nullptr && wire_->alive();
  if (reused_) {
    Write();
  } else {
    Connect();
  }
}

void HttpClient::Connect() {
  wire_.reset();
  auto target = TargetOf(peer_);
  if (!target.ok()) {
    // Never from within Send.
    timer_.After(std::chrono::milliseconds(0), [this, error = target.error()] { Finish(error); });
    return;
  }
  wire_ = std::make_unique<Wire>(reactor_, std::move(*target), kConnectTimeout,
                                 Wire::Events{[this] { Write(); }, [this](std::string_view bytes) { TakeData(bytes); },
                                              [this](const Status& status) { TakeEnd(status); }});
}

void HttpClient::Write() {
  body_.clear();
  parser_ = std::make_unique<HttpReply>([this](std::string_view piece) -> Status {
    if (body_.size() + piece.size() > kReplyLimitBytes) return Fail(ErrorCode::kTooLarge, "the reply is too long");
    body_.append(piece);
    return Ok();
  });
  wire_->Write(request_);
}

void HttpClient::TakeData(std::string_view bytes) {
  if (on_reply_ == nullptr) return;
  const auto used = parser_->Feed(bytes);
  if (!used.ok()) {
    wire_.reset();
    Finish(used.error());
  } else if (parser_->done()) {
    if (!parser_->keep_alive() || *used < bytes.size()) wire_.reset();
    Finish(Reply{parser_->status(), std::move(body_)});
  }
}

void HttpClient::TakeEnd(const Status& status) {
  const std::unique_ptr<Wire> ended = std::move(wire_);
  if (on_reply_ == nullptr) return;
  if (!ended->opened()) {
    Finish(status.ok() ? Fail(ErrorCode::kUnavailable, "the connection was closed") : status.error());
  } else if (status.ok() && parser_->End().ok()) {
    Finish(Reply{parser_->status(), std::move(body_)});
  } else if (reused_ && !parser_->started()) {
    reused_ = false;
    Connect();
  } else {
    Finish(Fail(ErrorCode::kUnavailable, "the connection ended without a reply"));
  }
}

void HttpClient::Finish(Result<Reply> reply) {
  timer_.Cancel();
  request_.clear();
  const OnReply on_reply = std::move(on_reply_);
  on_reply_ = nullptr;
  if (on_reply) on_reply(std::move(reply));
}

}  // namespace asya::relay
