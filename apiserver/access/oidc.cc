#include "apiserver/access/oidc.h"

#include <algorithm>
#include <cmath>

#include "apiserver/access/authenticators.h"
#include "core/json/parse.h"

namespace asya::apiserver {
namespace {

constexpr std::size_t kGroupsMax = 1000;
constexpr int kOk = 200;

Error Refused(const std::string& why) { return asya::Fail(ErrorCode::kUnauthorized, why); }

// Seconds since 1970, which may be a fraction; nullopt for what is no time.
std::optional<double> TimeOf(const json::Value& claims, const char* name) {
  const json::Value* value = claims.Find(name);
  if (value == nullptr || !value->IsNumber() || !std::isfinite(value->AsDouble())) return std::nullopt;
  return value->AsDouble();
}

Status CheckTimes(const json::Value& claims, WallTime now) {
  const auto seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  const auto skew = static_cast<double>(kClockSkewMax.count());
  const auto end = TimeOf(claims, "exp");
  if (!end) return Refused("exp is missing");
  if (seconds > *end + skew) return Refused("it has expired");
  const auto begin = TimeOf(claims, "nbf");
  if (!begin && claims.Find("nbf") != nullptr) return Refused("nbf is no time");
  if (begin && seconds < *begin - skew) return Refused("it is not valid yet");
  return Ok();
}

bool HasAudience(const json::Value& claims, const std::string& client_id) {
  const json::Value* audience = claims.Find("aud");
  if (audience == nullptr) return false;
  if (audience->IsString()) return audience->AsString() == client_id;
  if (!audience->IsArray()) return false;
  const json::Array& all = audience->AsArray();
  return std::find(all.begin(), all.end(), json::Value(client_id)) != all.end();
}

std::string PrefixOf(const OidcSettings& settings) {
  if (!settings.username_prefix) return settings.username_claim == "email" ? "" : settings.issuer_url + "#";
  return *settings.username_prefix == "-" ? "" : *settings.username_prefix;
}

Result<std::string> NameOf(const json::Value& claims, const OidcSettings& settings) {
  const auto name = claims.GetString(settings.username_claim);
  if (!name || name->empty()) return Refused("the claim of the user name is missing");
  if (settings.username_claim == "email") {
    const json::Value* verified = claims.Find("email_verified");
    if (verified != nullptr && *verified != json::Value(true)) return Refused("the email address is not verified");
  }
  std::string whole = PrefixOf(settings) + *name;
  if (whole.starts_with(kSystemPrefix)) return Refused("names that begin with system: are not an issuer's to give");
  return whole;
}

Result<std::vector<std::string>> GroupsOf(const json::Value& claims, const OidcSettings& settings) {
  std::vector<std::string> groups;
  const json::Value* claim = settings.groups_claim.empty() ? nullptr : claims.Find(settings.groups_claim);
  if (claim == nullptr) return groups;
  const json::Array all = claim->IsArray() ? claim->AsArray() : json::Array{*claim};
  if (all.size() > kGroupsMax) return Refused("more than 1000 groups");
  for (const json::Value& group : all) {
    if (!group.IsString()) return Refused("the claim of the groups is neither a name nor a list of names");
    std::string whole = settings.groups_prefix + group.AsString();
    if (!whole.starts_with(kSystemPrefix)) groups.push_back(std::move(whole));
  }
  return groups;
}

// What can be said without the signature, so that others' tokens cost nothing.
bool IsOfIssuer(const json::Value& claims, const OidcSettings& settings) {
  return claims.GetString("iss") == settings.issuer_url;
}

}  // namespace

Result<User> UserOf(const json::Value& claims, const OidcSettings& settings, WallTime now) {
  if (!IsOfIssuer(claims, settings)) return Refused("it is of another issuer");
  if (!HasAudience(claims, settings.client_id)) return Refused("it is for another audience");
  ASYA_TRY_STATUS(CheckTimes(claims, now));
  for (const auto& [name, value] : settings.required_claims) {
    if (claims.GetString(name) != value) return Refused("a required claim is missing or has another value");
  }
  User user;
  ASYA_TRY(user.name, NameOf(claims, settings));
  ASYA_TRY(user.groups, GroupsOf(claims, settings));
  return user;
}

OidcKeys::OidcKeys(const OidcSettings& settings, observe::Logger logger, observe::Metrics& metrics)
    : issuer_url_(settings.issuer_url),
      ca_pem_(settings.ca_pem),
      logger_(std::move(logger)),
      fetched_(metrics.MakeCounter("asya_apiserver_oidc_fetches_total", "Fetches of the issuer's keys.",
                                   {{"outcome", "taken"}})),
      failed_(metrics.MakeCounter("asya_apiserver_oidc_fetches_total", "Fetches of the issuer's keys.",
                                  {{"outcome", "failed"}})),
      periodic_([this] { return Run(); }) {}

Result<std::string> OidcKeys::Fetch(const std::string& url) {
  if (!url.starts_with("https://")) return asya::Invalid("", "\"" + url + "\" is no https URL");
  http::ClientRequest request;
  request.url = url;
  request.ca_pem = ca_pem_;
  request.deadline = kFetchDeadline;
  request.response_limit_bytes = kAnswerBytesMax;
  request.headers.Set("Accept", "application/json");
  request.is_over = [this] { return periodic_.stopping(); };
  ASYA_TRY(http::ClientResponse answer, client_.Call(request));
  if (answer.status != kOk) {
    return asya::Fail(ErrorCode::kUnavailable, "GET " + url + ": answered " + std::to_string(answer.status));
  }
  return std::move(answer.body);
}

Status OidcKeys::Refresh() {
  const std::string base = issuer_url_.ends_with('/') ? issuer_url_.substr(0, issuer_url_.size() - 1) : issuer_url_;
  ASYA_TRY(const std::string text, Fetch(base + "/.well-known/openid-configuration"));
  ASYA_TRY(const json::Value document, json::Parse(text));
  if (document.GetString("issuer") != issuer_url_) {
    return asya::Invalid("", "the issuer calls itself \"" + document.GetString("issuer").value_or("") + "\"");
  }
  ASYA_TRY(const std::string keys, Fetch(document.GetString("jwks_uri").value_or("")));
  ASYA_TRY(KeySet set, KeySet::Parse(keys));
  keys_.Put(std::move(set));
  return Ok();
}

Periodic::Pause OidcKeys::Run() {
  const Status fetched = Refresh();
  if (fetched.ok()) {
    fetched_.Add();
    return {kRefreshPauseMin, kRefreshPeriod};
  }
  if (!periodic_.stopping()) {
    failed_.Add();
    logger_.Error("the keys of the issuer cannot be fetched; those known stay in use",
                  {{"issuer", issuer_url_}, {"error", fetched.error().message}});
  }
  return Periodic::Every(kRefreshPauseMin);
}

Authenticator ByOidc(OidcSettings settings, std::shared_ptr<OidcKeys> keys, const Clock& clock,
                     observe::Logger logger) {
  return [settings = std::move(settings), keys = std::move(keys), &clock,
          logger = std::move(logger)](const http::Request& request) -> std::optional<User> {
    const auto token = ParseJsonWebToken(BearerToken(request));
    if (!token.ok() || !IsOfIssuer(token->claims, settings)) return std::nullopt;
    const auto known = keys->Get();
    if (!known->Knows(*token)) keys->Ask();
    if (!known->HasSigned(*token)) return std::nullopt;
    auto user = UserOf(token->claims, settings, clock.Now());
    if (user.ok()) return std::move(user).value();
    logger.Info("an identity token is not accepted", {{"peer", request.peer}, {"reason", user.error().message}});
    return std::nullopt;
  };
}

}  // namespace asya::apiserver
