#include "transports/pubsub/channel.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "transports/pubsub/grpc.h"

namespace asya::transports::pubsub {
namespace {

constexpr std::int32_t kStreamWindowBytes = 4 << 20;
constexpr std::int32_t kConnectionWindowBytes = 16 << 20;
constexpr std::size_t kUnsentBytesMax = 1U << 20U;    // handed to the socket; the rest waits as calls
constexpr std::chrono::milliseconds kLateAfter{500};  // a server ends a late call by itself; then we do

nghttp2_nv Header(std::string_view name, std::string_view value) {
  nghttp2_nv header{};
  header.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
  header.namelen = name.size();
  header.value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
  header.valuelen = value.size();
  header.flags = NGHTTP2_NV_FLAG_NONE;
  return header;
}

std::string_view Text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

int NumberOf(std::string_view text) {
  int number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

struct Channel::Http {
  nghttp2_session* session = nullptr;

  explicit Http(Channel& channel) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, OnClose);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, OnFrame);
    nghttp2_session_client_new(&session, callbacks, &channel);
    nghttp2_session_callbacks_del(callbacks);
    const std::array<nghttp2_settings_entry, 2> settings = {
        nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindowBytes}};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindowBytes);
  }
  ~Http() { nghttp2_session_del(session); }
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  static OneCall* Find(void* channel, std::int32_t id) {
    auto& calls = static_cast<Channel*>(channel)->calls_;
    const auto found = calls.find(id);
    return found == calls.end() ? nullptr : &found->second;
  }

  static int OnHeader(nghttp2_session* /*session*/, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t /*flags*/,
                      void* channel) {
    OneCall* call = Find(channel, frame->hd.stream_id);
    if (call == nullptr) return 0;
    const std::string_view key = Text(name, name_size);
    const std::string_view text = Text(value, value_size);
    if (key == ":status") call->http_status = NumberOf(text);
    if (key == "grpc-status") call->grpc_status = NumberOf(text);
    if (key == "grpc-message") call->text = grpc::Decoded(text.substr(0, kErrorTextBytesMax));
    return 0;
  }

  static int OnData(nghttp2_session* /*session*/, std::uint8_t /*flags*/, std::int32_t id, const std::uint8_t* data,
                    std::size_t size, void* channel) {
    OneCall* call = Find(channel, id);
    if (call == nullptr) return 0;
    call->too_large = call->too_large || call->answer.size() + size > kAnswerBytesMax;
    if (!call->too_large) call->answer += Text(data, size);
    return 0;
  }

  static int OnClose(nghttp2_session* /*session*/, std::int32_t id, std::uint32_t /*error*/, void* channel) {
    static_cast<Channel*>(channel)->Finish(id);
    return 0;
  }

  static int OnFrame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* channel) {
    auto* self = static_cast<Channel*>(channel);
    if (frame->hd.type == NGHTTP2_SETTINGS) self->open_ = true;
    if (frame->hd.type == NGHTTP2_GOAWAY) self->leaving_ = true;
    return 0;
  }

  static ssize_t Read(nghttp2_session* /*session*/, std::int32_t id, std::uint8_t* target, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source* /*source*/, void* channel) {
    OneCall* call = Find(channel, id);
    if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t count = std::min(size, call->request.size() - call->sent);
    std::memcpy(target, call->request.data() + call->sent, count);
    call->sent += count;
    if (call->sent == call->request.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      call->request = {};
      call->sent = 0;
    }
    return static_cast<ssize_t>(count);
  }
};

Channel::Channel(ChannelSettings settings, const Clock& clock)
    : settings_(std::move(settings)),
      authority_(settings_.address.host + ":" + settings_.address.port),
      clock_(clock),
      http_(std::make_unique<Http>(*this)) {}

Channel::~Channel() = default;

Status Channel::Begin() {
  const PubsubAddress& address = settings_.address;
  opened_by_ = clock_.Steady() + settings_.open_limit;
  return socket_.Begin({address.host, address.port, address.tls, settings_.ca_pem, "h2"});
}

Status Channel::Advance(bool readable) {
  const SteadyTime now = clock_.Steady();
  if (!open_ && now >= opened_by_) return asya::Fail(ErrorCode::kTimeout, "no answer while connecting");
  ASYA_TRY_STATUS(socket_.Advance());
  if (!socket_.connected()) return Ok();
  Status received = Ok();
  if (readable || !open_) received = socket_.Receive(in_);
  if (!in_.empty()) {
    heard_at_ = now;
    const std::string bytes = std::exchange(in_, {});
    const ssize_t taken =
        nghttp2_session_mem_recv(http_->session, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (taken < 0) return Invalid("", std::string("HTTP/2: ") + nghttp2_strerror(static_cast<int>(taken)));
  }
  EndLateCalls();
  RunFinished();
  ASYA_TRY_STATUS(std::move(received));
  ASYA_TRY_STATUS(socket_.Send({}));
  return Flush();
}

Status Channel::Flush() {
  while (socket_.unsent_bytes() < kUnsentBytesMax) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(http_->session, &bytes);
    if (size < 0) return Invalid("", std::string("HTTP/2: ") + nghttp2_strerror(static_cast<int>(size)));
    if (size == 0) break;
    ASYA_TRY_STATUS(socket_.Send(Text(bytes, static_cast<std::size_t>(size))));
  }
  return Ok();
}

SteadyTime Channel::deadline() const {
  SteadyTime first = open_ ? SteadyTime::max() : opened_by_;
  for (const auto& [id, call] : calls_) first = std::min(first, call.until);
  return first;
}

Channel::CallId Channel::Call(const std::string& path, std::string request, std::chrono::milliseconds limit,
                              Done done) {
  const std::string time = std::to_string(limit.count()) + "m";
  std::string token = settings_.token ? settings_.token() : "";
  if (!token.empty()) token.insert(0, "Bearer ");
  std::vector<nghttp2_nv> headers = {Header(":method", "POST"),
                                     Header(":scheme", settings_.address.tls ? "https" : "http"),
                                     Header(":authority", authority_),
                                     Header(":path", path),
                                     Header("content-type", "application/grpc"),
                                     Header("te", "trailers"),
                                     Header("grpc-timeout", time)};
  if (!token.empty()) headers.push_back(Header("authorization", token));
  // Neither ours nor a proxy's index of headers is to keep the token.
  if (!token.empty()) headers.back().flags = NGHTTP2_NV_FLAG_NO_INDEX;
  nghttp2_data_provider body{};
  body.read_callback = Http::Read;
  const CallId id = nghttp2_submit_request(http_->session, nullptr, headers.data(), headers.size(), &body, nullptr);
  OneCall call;
  call.done = std::move(done);
  if (id < 0) {  // the numbers of this connection are used up
    leaving_ = true;
    call.grpc_status = grpc::kUnavailable;
    finished_.push_back(std::move(call));
    return id;
  }
  call.request = grpc::Framed(request);
  call.until = clock_.Steady() + limit + kLateAfter;
  calls_.emplace(id, std::move(call));
  return id;
}

bool Channel::Cancel(CallId id) {
  if (calls_.erase(id) == 0) return false;
  nghttp2_submit_rst_stream(http_->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  return true;
}

void Channel::EndLateCalls() {
  const SteadyTime now = clock_.Steady();
  for (auto at = calls_.begin(); at != calls_.end();) {
    if (at->second.until > now) {
      ++at;
      continue;
    }
    nghttp2_submit_rst_stream(http_->session, NGHTTP2_FLAG_NONE, at->first, NGHTTP2_CANCEL);
    at->second.grpc_status = grpc::kDeadlineExceeded;
    finished_.push_back(std::move(at->second));
    at = calls_.erase(at);
  }
}

void Channel::Finish(CallId id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  finished_.push_back(std::move(found->second));
  calls_.erase(found);
}

void Channel::RunFinished() {
  for (OneCall& call : std::exchange(finished_, {})) call.done(OutcomeOf(call));
}

void Channel::Fail(const Error& error) {
  std::map<CallId, OneCall> ending = std::exchange(calls_, {});
  for (OneCall& call : std::exchange(finished_, {})) call.done(error);
  for (auto& [id, call] : ending) call.done(error);
}

Result<std::string> Channel::OutcomeOf(const OneCall& call) {
  if (call.too_large) return asya::Fail(ErrorCode::kTooLarge, "the answer is larger than expected");
  return grpc::Outcome(call.http_status, call.grpc_status, call.text, call.answer);
}

}  // namespace asya::transports::pubsub
