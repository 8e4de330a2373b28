// Feeds arbitrary bytes to what the API server reads from a request beside JSON: head and body of HTTP, path,
// selectors, continue token, Accept, protobuf.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "apiserver/continue_token.h"
#include "apiserver/negotiate.h"
#include "apiserver/protobuf.h"
#include "apiserver/request_info.h"
#include "apiserver/selector.h"
#include "core/http/request_reader.h"
#include "core/http/target.h"

namespace {

void ReadRequest(std::string_view text) {
  constexpr std::size_t kLimitBytes = 4096;
  asya::http::RequestReader reader(kLimitBytes, kLimitBytes);
  std::string input;
  // In two pieces, since a parser's mistakes lie where its input breaks off.
  for (const std::string_view piece : {text.substr(0, text.size() / 2), text.substr(text.size() / 2)}) {
    input += piece;
    std::size_t consumed = 0;
    const auto state = reader.Feed(input, consumed);
    if (consumed > input.size()) std::abort();
    input.erase(0, consumed);
    if (state == asya::http::RequestReader::State::kBad) return;
    if (state != asya::http::RequestReader::State::kDone) continue;
    (void)asya::http::ParseTarget(reader.Take().path);
    return;
  }
}

void ReadToken(std::string_view text) {
  const auto token = asya::apiserver::DecodeContinueToken(text);
  if (!token.ok()) return;
  const auto again = asya::apiserver::DecodeContinueToken(asya::apiserver::EncodeContinueToken(*token));
  if (!again.ok() || again->name != token->name || again->namespace_ != token->namespace_) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  asya::ports::Selector selector;
  (void)asya::apiserver::ParseLabelSelector(text, selector);
  (void)asya::apiserver::ParseFieldSelector(text, true, selector);
  (void)asya::apiserver::ParseRequestInfo("GET", text, false);
  (void)asya::apiserver::NegotiateObject(text);
  (void)asya::apiserver::NegotiateDiscovery(text);
  (void)asya::apiserver::DecodeProtobufObject(text);
  (void)asya::http::ParseTarget(text);
  ReadToken(text);
  ReadRequest(text);
  return 0;
}
