#include "relay/http_client.h"

#include <utility>

namespace asya::relay {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5000};

}  // namespace

HttpClient::HttpClient(Reactor& reactor, Address address)
    : reactor_(reactor), address_(std::move(address)), timer_(reactor) {}
HttpClient::~HttpClient() = default;

void HttpClient::Send(const std::string& method, const std::string& target, const std::string& body,
                      std::chrono::milliseconds timeout, OnReply on_reply) {
  on_reply_ = std::move(on_reply);
  const std::string host = address_.is_unix() ? "localhost" : address_.host + ":" + address_.port;
  request_ = method + " " + target + " HTTP/1.1\r\nHost: " + host +
             "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  timer_.After(timeout, [this] {
    stream_.reset();
    Finish(Fail(ErrorCode::kTimeout, "no reply in time"));
  });
  reused_ = stream_ != nullptr && stream_->open();
  if (reused_) {
    Write();
  } else {
    Connect();
  }
}

void HttpClient::Connect() {
  stream_.reset();
  connecting_ =
      std::make_unique<Connecting>(reactor_, address_, kConnectTimeout, [this](Result<std::unique_ptr<Stream>> stream) {
        if (!stream.ok()) {
          Finish(stream.error());
          return;
        }
        stream_ = std::move(*stream);
        stream_->Read([this](std::string_view bytes) { TakeData(bytes); }, [this](const Status&) { TakeEnd(); });
        Write();
      });
}

void HttpClient::Write() {
  body_.clear();
  parser_ = std::make_unique<HttpReply>([this](std::string_view piece) -> Status {
    if (body_.size() + piece.size() > kReplyLimitBytes) return Fail(ErrorCode::kTooLarge, "the reply is too long");
    body_.append(piece);
    return Ok();
  });
  stream_->Write(request_);
}

void HttpClient::TakeData(std::string_view bytes) {
  if (on_reply_ == nullptr) return;
  const auto used = parser_->Feed(bytes);
  if (!used.ok()) {
    stream_.reset();
    Finish(used.error());
  } else if (parser_->done()) {
    if (!parser_->keep_alive() || *used < bytes.size()) stream_.reset();
    Finish(Reply{parser_->status(), std::move(body_)});
  }
}

void HttpClient::TakeEnd() {
  const std::unique_ptr<Stream> ended = std::move(stream_);
  if (on_reply_ == nullptr) return;
  if (parser_->End().ok()) {
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
  connecting_.reset();
  request_.clear();
  const OnReply on_reply = std::move(on_reply_);
  on_reply_ = nullptr;
  if (on_reply) on_reply(std::move(reply));
}

}  // namespace asya::relay
