#include "apiserver/access/json_web_token.h"

#include <utility>

#include "core/base/base64url.h"
#include "core/json/parse.h"

namespace asya::apiserver {
namespace {

constexpr std::size_t kDepthMax = 16;

Result<json::Value> ReadObject(std::string_view part, const char* what) {
  const auto bytes = DecodeBase64Url(part);
  if (!bytes) return Invalid("", std::string("the ") + what + " of the token is no base64");
  json::ParseOptions options;
  options.depth_limit = kDepthMax;
  auto parsed = json::Parse(*bytes, options);
  if (!parsed.ok() || !parsed->IsObject())
    return Invalid("", std::string("the ") + what + " of the token is no JSON object");
  return parsed;
}

}  // namespace

Result<JsonWebToken> ParseJsonWebToken(std::string_view text) {
  if (text.size() > kWebTokenBytesMax) return Invalid("", "the token is longer than 16 KiB");
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos || text.find('.', second + 1) != std::string_view::npos) {
    return Invalid("", "the token has not three parts");
  }
  ASYA_TRY(const json::Value header, ReadObject(text.substr(0, first), "header"));
  JsonWebToken token;
  ASYA_TRY(token.claims, ReadObject(text.substr(first + 1, second - first - 1), "claims"));
  auto signature = DecodeBase64Url(text.substr(second + 1));
  if (!signature || signature->empty()) return Invalid("", "the signature of the token is no base64");
  const auto algorithm = header.GetString("alg");
  if (!algorithm) return Invalid("", "the token names no algorithm");
  if (header.Find("crit") != nullptr) return Invalid("", "the token asks for extensions that are not known here");
  if (const json::Value* id = header.Find("kid"); id != nullptr && !id->IsString()) {
    return Invalid("", "the key of the token is no string");
  }
  token.algorithm = *algorithm;
  token.key_id = header.GetString("kid").value_or("");
  token.signed_text = std::string(text.substr(0, second));
  token.signature = std::move(*signature);
  return token;
}

}  // namespace asya::apiserver
