#include "relay/model_request.h"

#include <algorithm>
#include <utility>

#include "core/json/splice.h"
#include "core/json/split.h"

namespace asya::relay {
namespace {

constexpr std::string_view kStreamed = R"("stream":true,"stream_options":{"include_usage":true})";

// A request as it is, streamed unless it says otherwise; a list of messages; or what a user says.
Result<std::string> ChatBody(std::string_view input) {
  if (input.front() == '"') {
    return R"({"messages":[{"role":"user","content":)" + std::string(input) + "}]," + std::string(kStreamed) + "}";
  }
  if (input.front() == '[') return R"({"messages":)" + std::string(input) + "," + std::string(kStreamed) + "}";
  if (input.front() != '{') {
    return Invalid("", "a chat takes an object with messages, an array of messages or a text");
  }
  ASYA_TRY(const auto members, json::Split(input));
  const auto has = [&](std::string_view key) {
    return std::any_of(members.begin(), members.end(), [&](const json::Member& member) { return member.key == key; });
  };
  if (!has("messages")) return Invalid("", "a chat takes an object with messages; this one has none");
  std::string body(input);
  if (!has("stream"))
    body.replace(body.size() - 1, 1, "," + std::string(has("stream_options") ? R"("stream":true)" : kStreamed) + "}");
  return body;
}

Result<std::string> BodyOf(const Endpoint& endpoint, std::string_view payload) {
  if (endpoint.method == "GET") return std::string();
  ASYA_TRY(const std::string_view input, json::FindText(payload, endpoint.input));
  if (endpoint.protocol == Endpoint::Protocol::kChat) return ChatBody(input);
  if (endpoint.protocol == Endpoint::Protocol::kInfer) {
    const auto members = input.front() == '{' ? json::Split(input) : Invalid("", "");
    const bool has_inputs =
        members.ok() && std::any_of(members->begin(), members->end(),
                                    [](const json::Member& member) { return member.key == "inputs"; });
    if (!has_inputs) return Invalid("", "an inference takes an object with inputs");
  }
  return std::string(input);
}

bool IsTraceContext(std::string_view text) {
  constexpr std::size_t kLimitBytes = 128;
  return text.size() <= kLimitBytes && text.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

}  // namespace

Result<ModelRequest> MakeModelRequest(const Endpoint& endpoint, const std::string& envelope) {
  ASYA_TRY(model::Envelope parsed, model::ParseEnvelope(envelope));
  ASYA_TRY(const std::string body, BodyOf(endpoint, parsed.payload));
  ModelRequest request;
  request.bytes = endpoint.method + " " + endpoint.target + " HTTP/1.1\r\nHost: " + endpoint.authority +
                  "\r\nUser-Agent: asya-relay\r\n";
  const auto has = [&](std::string_view name) {
    return std::any_of(endpoint.headers.begin(), endpoint.headers.end(), [&](const auto& header) {
      return header.first.size() == name.size() &&
             std::equal(name.begin(), name.end(), header.first.begin(),
                        [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
    });
  };
  if (!has("accept")) {
    const bool streams = endpoint.protocol == Endpoint::Protocol::kChat;
    request.bytes += streams ? "Accept: text/event-stream, application/json\r\n" : "Accept: application/json\r\n";
  }
  if (endpoint.method != "GET") {
    if (!has("content-type")) request.bytes += "Content-Type: application/json\r\n";
    request.bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  const auto trace = parsed.headers.find("traceparent");
  if (trace != parsed.headers.end() && trace->second.IsString() && IsTraceContext(trace->second.AsString())) {
    request.bytes += "traceparent: " + trace->second.AsString() + "\r\n";
  }
  for (const auto& [name, value] : endpoint.headers) request.bytes += name + ": " + value + "\r\n";
  request.bytes += "\r\n" + body;
  request.payload = std::move(parsed.payload);
  request.route = parsed.route.Shifted();
  return request;
}

}  // namespace asya::relay
