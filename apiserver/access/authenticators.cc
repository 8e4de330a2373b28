#include "apiserver/access/authenticators.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace asya::apiserver {

Authenticator FirstOf(std::vector<Authenticator> authenticators) {
  return [all = std::move(authenticators)](const http::Request& request) -> Identity {
    for (const Authenticator& authenticate : all) {
      Identity user = authenticate(request);
      if (user || user.failure()) return user;
    }
    return std::nullopt;
  };
}

Authenticator ByClientCertificate(const Clock& clock) {
  return [&clock](const http::Request& request) -> std::optional<User> {
    const auto& certificate = request.client_certificate;
    if (!certificate || !certificate->of_user || certificate->common_name.empty()) return std::nullopt;
    if (clock.Now() > certificate->not_after) return std::nullopt;
    return User{certificate->common_name, certificate->organizations};
  };
}

Authenticator ByTokenFile(std::shared_ptr<const Current<TokenFile>> tokens) {
  return [tokens = std::move(tokens)](const http::Request& request) -> std::optional<User> {
    const std::string token = BearerToken(request);
    return token.empty() ? std::nullopt : tokens->Get()->Find(token);
  };
}

std::string BearerToken(const http::Request& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string header = request.headers.Get("Authorization").value_or("");
  if (header.size() <= kScheme.size()) return "";
  const bool bearer = std::equal(kScheme.begin(), kScheme.end(), header.begin(), [](char expected, char given) {
    return expected == std::tolower(static_cast<unsigned char>(given));
  });
  return bearer ? header.substr(kScheme.size()) : "";
}

}  // namespace asya::apiserver
