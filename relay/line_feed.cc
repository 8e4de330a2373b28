#include "relay/line_feed.h"

#include <algorithm>
#include <utility>

namespace asya::relay {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5000};
constexpr int kOk = 200;

}  // namespace

LineFeed::LineFeed(Reactor& reactor, Source source, Reader& reader, Random& random)
    : reactor_(reactor),
      source_(std::move(source)),
      reader_(reader),
      random_(random),
      timer_(reactor),
      silence_timer_(reactor),
      pause_(source_.first_pause) {}
LineFeed::~LineFeed() = default;

void LineFeed::Start() {
  auto target = TargetOf(source_.peer);
  if (!target.ok()) return Lost(target.error().message);
  wire_ = std::make_unique<Wire>(
      reactor_, std::move(*target), kConnectTimeout,
      Wire::Events{[this] { Opened(); }, [this](std::string_view bytes) { TakeData(bytes); },
                   [this](const Status& status) { Lost(status.ok() ? "closed" : status.error().message); }});
  Listen();
}

void LineFeed::Opened() {
  parser_ = std::make_unique<HttpReply>([this](std::string_view piece) -> Status {
    if (parser_->status() != kOk) return Fail(ErrorCode::kUnavailable, "status " + std::to_string(parser_->status()));
    pause_ = source_.first_pause;
    return reader_.OnBody(piece);
  });
  wire_->Write("GET " + source_.target + " HTTP/1.1\r\nHost: localhost\r\n" + AuthorizationOf(source_.peer) +
               "Accept: text/event-stream\r\n\r\n");
}

// A peer that is gone without a word, as with a machine that lost its power, is seen by its silence alone.
void LineFeed::Listen() {
  if (source_.silence_limit.count() == 0) return;
  silence_timer_.After(source_.silence_limit, [this] { Lost("not a word from the peer for too long"); });
}

void LineFeed::TakeData(std::string_view bytes) {
  const auto used = parser_->Feed(bytes);
  if (!used.ok()) {
    Lost(used.error().message);
  } else if (parser_->done()) {
    Lost("ended with status " + std::to_string(parser_->status()));
  } else {
    Listen();
  }
}

void LineFeed::Lost(const std::string& reason) {
  // Only half of the pause is fixed, so that many relays do not come back in the same moment.
  const auto half = std::chrono::duration_cast<std::chrono::microseconds>(pause_) / 2;
  const auto pause =
      half + std::chrono::microseconds(static_cast<std::int64_t>(random_.Unit() * static_cast<double>(half.count())));
  pause_ = std::min(pause_ * 2, source_.longest_pause);
  silence_timer_.Cancel();
  wire_.reset();
  timer_.After(pause, [this] { Start(); });
  reader_.OnDisconnected(reason);
}

}  // namespace asya::relay
