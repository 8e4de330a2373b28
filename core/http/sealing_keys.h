// SealingKeys: what lies at rest is sealed under the first of some keys and opened by any of them (OpenSSL behind it).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace asya::http {

inline constexpr std::size_t kSealingKeysMax = 16;

// AES-256-GCM with random nonces: a key is good for four billion seals. Thread safe.
class SealingKeys {
 public:
  // One key a line, 32 bytes in base64 as `openssl rand -base64 32` prints them. kInvalid says which line is wrong and
  // never repeats it.
  static Result<SealingKeys> Parse(std::string_view text);
  // A line for Parse.
  static Result<std::string> NewLine();

  // Text of letters, digits, '-', '_' and '.'. `bound_to` is not in it, and has to be the same to open it.
  [[nodiscard]] Result<std::string> Seal(std::string_view text, std::string_view bound_to) const;
  // kNotFound: sealed under a key that is none of these; kInvalid: changed, or bound to something else.
  [[nodiscard]] Result<std::string> Open(std::string_view sealed, std::string_view bound_to) const;

 private:
  struct Key {
    std::string id;  // tells which key a text is sealed under, and nothing of the key
    std::string bytes;
  };
  std::vector<Key> keys_;
};

}  // namespace asya::http
