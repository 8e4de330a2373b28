// FrontProxy: users whom a proxy names in headers, as kube-apiserver does for the APIs behind it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/access/current.h"
#include "apiserver/api_server.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/http/server.h"
#include "core/json/value.h"

namespace asya::apiserver {

inline constexpr std::size_t kProxyHeadersMax = 64;  // names in any one list of the settings

// Whom to believe what, as a cluster says it in the ConfigMap kube-system/extension-apiserver-authentication.
struct FrontProxySettings {
  http::ClientAuthorities authorities;     // of its users and of its proxies; one may be empty
  std::vector<std::string> allowed_names;  // common names of proxies; empty: every one that verifies
  std::vector<std::string> username_headers;
  std::vector<std::string> uid_headers;
  std::vector<std::string> group_headers;
  std::vector<std::string> extra_prefixes;  // in lower case

  // Of the ConfigMap. kInvalid for lists that are no lists of names, for proxies without a header of the user's name,
  // and where there is no CA at all. Whether the CAs are any is not looked at.
  static Result<FrontProxySettings> Parse(const json::Value& config_map);
};

// Whom the headers name; nullopt where they name nobody. To be believed of a proxy alone.
std::optional<User> UserOfHeaders(const FrontProxySettings& settings, const http::Headers& headers);

// The user in the headers of a request whose client certificate is a proxy's of an allowed name; of any other request
// the headers count for nothing.
Authenticator ByFrontProxy(std::shared_ptr<const Current<FrontProxySettings>> settings, const Clock& clock);

}  // namespace asya::apiserver
