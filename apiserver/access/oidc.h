// Oidc: users by the identity tokens of an OpenID Connect issuer, by the rules of kube-apiserver's --oidc flags.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/access/current.h"
#include "apiserver/access/key_set.h"
#include "apiserver/api_server.h"
#include "core/base/clock.h"
#include "core/base/periodic.h"
#include "core/http/client.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"

namespace asya::apiserver {

struct OidcSettings {
  std::string issuer_url;  // https; compared with the claim to the letter
  std::string client_id;   // has to be in the audience
  std::string username_claim = "sub";
  // Not given: none for the claim email, else "ISSUER#", so that two issuers' names never meet. "-": none.
  std::optional<std::string> username_prefix;
  std::string groups_claim;  // empty: no groups
  std::string groups_prefix;
  std::vector<std::pair<std::string, std::string>> required_claims;  // of these values exactly
  std::string ca_pem;                                                // of the issuer; empty: the system's
};

// By how much the issuer's clock may differ from ours.
inline constexpr std::chrono::seconds kClockSkewMax{30};
// Names of the system are given by certificates and token files alone; an issuer's token never makes a master.
inline constexpr const char* kSystemPrefix = "system:";

// Whom claims stand for whose signature has been checked; the error says what is wrong with them and repeats none.
Result<User> UserOf(const json::Value& claims, const OidcSettings& settings, WallTime now);

// The issuer's keys, fetched in the background: no request ever waits for them. A token of a key that is not known yet
// is answered 401 and has them fetched again soon; issuers show a new key some time before they sign with it, and by
// then the regular look has found it.
class OidcKeys {
 public:
  static constexpr std::chrono::seconds kRefreshPeriod{300};
  static constexpr std::chrono::seconds kRefreshPauseMin{10};  // also after a failure, and however many tokens ask
  static constexpr std::chrono::seconds kFetchDeadline{10};
  static constexpr std::size_t kAnswerBytesMax = 512U << 10U;

  OidcKeys(const OidcSettings& settings, observe::Logger logger, observe::Metrics& metrics);

  void Start() { periodic_.Start({}); }
  // Breaks off a fetch under way, within about a second. Idempotent.
  void Stop() { periodic_.Stop(); }
  // Fetches now, on this thread; for tests and the background thread.
  Status Refresh();
  // Has them fetched as soon as the pause allows. Never blocks.
  void Ask() { periodic_.Ask(); }
  [[nodiscard]] std::shared_ptr<const KeySet> Get() const { return keys_.Get(); }

 private:
  Result<std::string> Fetch(const std::string& url);
  Periodic::Pause Run();

  const std::string issuer_url_;
  const std::string ca_pem_;
  const observe::Logger logger_;
  const observe::Counter fetched_;
  const observe::Counter failed_;
  http::Client client_;
  Current<KeySet> keys_{KeySet()};
  Periodic periodic_;  // last: it uses what is before it
};

// `keys` of the same settings. Why a token that the issuer has signed is not accepted is logged.
Authenticator ByOidc(OidcSettings settings, std::shared_ptr<OidcKeys> keys, const Clock& clock, observe::Logger logger);

}  // namespace asya::apiserver
