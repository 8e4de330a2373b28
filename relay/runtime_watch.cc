#include "relay/runtime_watch.h"

#include <utility>

#include "core/json/parse.h"

namespace asya::relay {
namespace {

constexpr std::size_t kLineLimitBytes = 64U * 1024;
constexpr std::chrono::milliseconds kAskTimeout{1000};
constexpr int kOk = 200;

LineFeed::Source SourceIn(const std::string& socket_dir) {
  LineFeed::Source source;
  source.peer.address.path = socket_dir + "/asya-runtime-health.sock";
  source.target = "/healthz/watch";
  return source;
}

Address RuntimeIn(const std::string& socket_dir) {
  Address address;
  address.path = socket_dir + "/asya-runtime.sock";
  return address;
}

// "SyntaxError: invalid syntax (handler.py, line 3)".
std::string Describe(const json::Value& error) {
  std::string text = error.GetString("type").value_or("error");
  if (const auto message = error.GetString("message"); message && !message->empty()) text += ": " + *message;
  if (const auto file = error.GetString("file"); file && !file->empty()) {
    text += " (" + *file;
    if (const auto line = error.GetInt("line")) text += ", line " + std::to_string(*line);
    text += ")";
  }
  return text;
}

}  // namespace

RuntimeWatch::RuntimeWatch(Reactor& reactor, const std::string& socket_dir, Random& random)
    : feed_(reactor, SourceIn(socket_dir), *this, random), direct_(reactor, RuntimeIn(socket_dir)) {}

void RuntimeWatch::Start(Callee::OnState on_change) {
  on_change_ = std::move(on_change);
  feed_.Start();
}

Status RuntimeWatch::OnBody(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    line_.append(piece.substr(0, end));
    if (line_.size() > kLineLimitBytes) return Fail(ErrorCode::kTooLarge, "a line of the health feed is too long");
    if (end == std::string_view::npos) return Ok();
    piece.remove_prefix(end + 1);
    const std::string line = std::move(line_);
    line_.clear();
    ASYA_TRY_STATUS(TakeLine(line));
  }
  return Ok();
}

Status RuntimeWatch::TakeLine(std::string_view line) {
  ASYA_TRY(const json::Value value, json::Parse(line));
  const std::string status = value.GetString("status").value_or("");
  RuntimeState state;
  state.tells_ends = true;
  if (status == "ready") {
    state.kind = RuntimeState::Kind::kReady;
  } else if (status == "failed") {
    state.kind = RuntimeState::Kind::kFailed;
    const json::Value* error = value.Find("error");
    state.text = error == nullptr ? "the handler cannot be loaded" : Describe(*error);
  } else {
    state.kind = RuntimeState::Kind::kLoading;
    state.text = "the handler is being loaded";
    state.last_end = value.GetString("last_end").value_or("");
  }
  following_ = true;
  Change(std::move(state));
  return Ok();
}

void RuntimeWatch::OnDisconnected(const std::string& reason) {
  line_.clear();
  following_ = false;
  AskRuntime(reason);
}

void RuntimeWatch::AskRuntime(const std::string& reason) {
  if (direct_.busy()) return;
  direct_.Send("GET", "/healthz", "", kAskTimeout, [this, reason](const Result<HttpClient::Reply>& reply) {
    // The feed is back, knows better, and will not say again what it has said.
    if (following_) return;
    if (reply.ok() && reply->status == kOk) {
      Change({RuntimeState::Kind::kReady, ""});
    } else {
      Change({RuntimeState::Kind::kAbsent, "the runtime cannot be reached: " + reason});
    }
  });
}

void RuntimeWatch::Change(RuntimeState state) {
  if (state == state_) return;
  state_ = std::move(state);
  on_change_(state_);
}

}  // namespace asya::relay
