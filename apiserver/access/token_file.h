// TokenFile: bearer tokens and whom they stand for, from the CSV file of kube-apiserver's --token-auth-file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/call.h"
#include "core/base/result.h"
#include "core/base/sha256.h"

namespace asya::apiserver {

inline constexpr std::size_t kTokensMax = 1000;      // every one is compared for each request
inline constexpr std::size_t kTokenBytesMax = 8192;  // of what a request brings; longer ones are nobody's

class TokenFile {
 public:
  TokenFile() = default;

  // One line a token: token,user,uid[,"group1,group2"], as CSV of RFC 4180. Empty lines count for nothing. kInvalid
  // names every line that is wrong and never repeats a token.
  static Result<TokenFile> Parse(std::string_view text);

  // Every token is compared in full, so that the time taken says nothing about any of them.
  [[nodiscard]] std::optional<User> Find(std::string_view token) const;

 private:
  std::vector<std::pair<Sha256Digest, User>> users_;
};

}  // namespace asya::apiserver
