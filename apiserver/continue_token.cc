#include "apiserver/continue_token.h"

#include <optional>

#include "core/base/base64url.h"
#include "core/json/parse.h"
#include "core/json/value.h"

namespace asya::apiserver {
namespace {

constexpr std::string_view kVersion = "meta.k8s.io/v1";
constexpr std::size_t kTokenLimitBytes = 4096;

}  // namespace

std::string EncodeContinueToken(const ContinueToken& token) {
  const json::Object document{{"v", kVersion}, {"rv", token.revision}, {"start", token.namespace_ + "/" + token.name}};
  return EncodeBase64Url(json::Dump(document));
}

Result<ContinueToken> DecodeContinueToken(std::string_view text) {
  Error bad = Invalid("continue", "continue key is not valid: take it from the page before");
  if (text.size() > kTokenLimitBytes) return bad;
  const auto bytes = DecodeBase64Url(text);
  if (!bytes) return bad;
  const auto document = json::Parse(*bytes);
  if (!document.ok() || !document->IsObject() || document->GetString("v") != std::string(kVersion)) return bad;
  const auto revision = document->GetInt("rv");
  const auto start = document->GetString("start");
  if (!revision || (*revision <= 0 && *revision != -1) || !start) return bad;
  const std::size_t slash = start->find('/');
  if (slash == std::string::npos || slash + 1 == start->size()) return bad;
  return ContinueToken{*revision, start->substr(0, slash), start->substr(slash + 1)};
}

}  // namespace asya::apiserver
