// Feeds arbitrary bytes to what says who is who and who may do what: identity tokens, key sets, token files, roles.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "apiserver/access/json_web_token.h"
#include "apiserver/access/key_set.h"
#include "apiserver/access/oidc.h"
#include "apiserver/access/roles.h"
#include "apiserver/access/token_file.h"
#include "core/base/base64url.h"
#include "core/json/parse.h"

namespace {

namespace api = asya::apiserver;

const api::OidcSettings& Settings() {
  static const api::OidcSettings settings = [] {
    api::OidcSettings made;
    made.issuer_url = "https://i";
    made.client_id = "asya";
    made.username_prefix = "";
    made.groups_claim = "groups";
    return made;
  }();
  return settings;
}

void CheckClaims(const asya::json::Value& claims) {
  const auto user = api::UserOf(claims, Settings(), asya::WallTime{});
  if (!user.ok()) return;
  if (user->name.empty() || user->name.starts_with(api::kSystemPrefix)) std::abort();
  for (const std::string& group : user->groups) {
    if (group.starts_with(api::kSystemPrefix)) std::abort();
  }
}

void CheckToken(std::string_view text) {
  const auto token = api::ParseJsonWebToken(text);
  if (!token.ok()) return;
  // What was signed and the signature are all of it, in one spelling.
  if (token->signed_text + "." + asya::EncodeBase64Url(token->signature) != text) std::abort();
  if (api::KeySet().HasSigned(*token)) std::abort();
  CheckClaims(token->claims);
}

void CheckJson(const asya::json::Value& document) {
  CheckClaims(document);
  const auto roles = api::Roles::Parse(document);
  if (!roles.ok() && roles.error().message.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CheckToken(text);
  (void)api::KeySet::Parse(text);
  if (const auto tokens = api::TokenFile::Parse(text); tokens.ok() && tokens->Find("")) std::abort();
  if (const auto document = asya::json::Parse(text); document.ok()) CheckJson(*document);
  return 0;
}
