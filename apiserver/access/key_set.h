// KeySet: the keys by which an issuer signs, from its JSON web key set (RFC 7517).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/access/json_web_token.h"
#include "core/base/result.h"
#include "core/http/public_key.h"

namespace asya::apiserver {

inline constexpr std::size_t kKeysMax = 100;

class KeySet {
 public:
  KeySet() = default;
  // Keys of another type, curve or use, and such as cannot be read, are passed over, as RFC 7517 asks; kInvalid where
  // none is left, or there are more than kKeysMax.
  static Result<KeySet> Parse(std::string_view text);

  // Whether a token of this header may be signed by one of these; if not, the issuer may have a new one.
  [[nodiscard]] bool Knows(const JsonWebToken& token) const;
  // Whether one of these has signed it, by the algorithm that it names and the key has.
  [[nodiscard]] bool HasSigned(const JsonWebToken& token) const;

 private:
  std::vector<std::pair<std::string, http::PublicKey>> keys_;  // by id
};

}  // namespace asya::apiserver
