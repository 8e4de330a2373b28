#include "apiserver/access/key_set.h"

#include <algorithm>
#include <optional>

#include "core/base/base64url.h"
#include "core/json/parse.h"

namespace asya::apiserver {
namespace {

const char* NameOf(http::SignatureAlgorithm algorithm) {
  return algorithm == http::SignatureAlgorithm::kRs256 ? "RS256" : "ES256";
}

std::optional<http::PublicKey> ReadKey(const json::Value& item) {
  const auto number = [&item](const char* name) {
    return DecodeBase64Url(item.GetString(name).value_or("")).value_or("");
  };
  if (!item.IsObject() || item.GetString("use").value_or("sig") != "sig") return std::nullopt;
  const std::string type = item.GetString("kty").value_or("");
  const bool curve = type == "EC" && item.GetString("crv") == "P-256";
  if (!curve && type != "RSA") return std::nullopt;
  auto key = curve ? http::PublicKey::P256(number("x"), number("y")) : http::PublicKey::Rsa(number("n"), number("e"));
  if (!key.ok() || item.GetString("alg").value_or(NameOf(key->algorithm())) != NameOf(key->algorithm())) {
    return std::nullopt;
  }
  return std::move(key).value();
}

bool Fits(const std::pair<std::string, http::PublicKey>& key, const JsonWebToken& token) {
  return (token.key_id.empty() || token.key_id == key.first) && token.algorithm == NameOf(key.second.algorithm());
}

}  // namespace

Result<KeySet> KeySet::Parse(std::string_view text) {
  ASYA_TRY(const json::Value document, json::Parse(text));
  const json::Value* list = document.Find("keys");
  if (list == nullptr || !list->IsArray()) return asya::Invalid("", "the key set has no list of keys");
  if (list->AsArray().size() > kKeysMax) return asya::Invalid("", "the key set has more than 100 keys");
  KeySet set;
  for (const json::Value& item : list->AsArray()) {
    if (auto key = ReadKey(item)) set.keys_.emplace_back(item.GetString("kid").value_or(""), std::move(*key));
  }
  if (set.keys_.empty()) return asya::Invalid("", "the key set has no key for RS256 or ES256");
  return set;
}

bool KeySet::Knows(const JsonWebToken& token) const {
  return std::any_of(keys_.begin(), keys_.end(), [&token](const auto& key) { return Fits(key, token); });
}

bool KeySet::HasSigned(const JsonWebToken& token) const {
  return std::any_of(keys_.begin(), keys_.end(), [&token](const auto& key) {
    return Fits(key, token) && key.second.Verify(token.signed_text, token.signature);
  });
}

}  // namespace asya::apiserver
