#include "core/aws/credentials.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "core/base/percent.h"

namespace asya::aws {
namespace {

constexpr std::size_t kFileBytesMax = 1U << 20U;
constexpr std::size_t kAnswerBytesMax = 1U << 20U;
constexpr int kSuccess = 200;

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(kFileBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

http::ClientRequest GetOf(const std::string& url) {
  http::ClientRequest request;
  request.url = url;
  return request;
}

}  // namespace

CredentialSettings ReadCredentialSettings(const Lookup& lookup, const std::string& region) {
  const auto text = [&](const char* name, const std::string& fallback = "") {
    const auto value = lookup(name);
    return value && !value->empty() ? *value : fallback;
  };
  CredentialSettings settings;
  settings.keys = {text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY"), text("AWS_SESSION_TOKEN")};
  settings.role_arn = text("AWS_ROLE_ARN");
  settings.token_file = text("AWS_WEB_IDENTITY_TOKEN_FILE");
  settings.session_name = text("AWS_ROLE_SESSION_NAME", settings.session_name);
  settings.sts_url = text("AWS_ENDPOINT_URL_STS", "https://sts." + region + ".amazonaws.com/");
  const std::string home = text("HOME");
  settings.shared_file = text("AWS_SHARED_CREDENTIALS_FILE", home.empty() ? "" : home + "/.aws/credentials");
  settings.profile = text("AWS_PROFILE", settings.profile);
  settings.container_url = text("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (const std::string path = text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); !path.empty()) {
    settings.container_url = "http://169.254.170.2" + path;
  }
  settings.container_token = text("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  settings.container_token_file = text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  settings.instance_url = text("AWS_EC2_METADATA_SERVICE_ENDPOINT", settings.instance_url);
  if (text("AWS_EC2_METADATA_DISABLED") == "true") settings.instance_url.clear();
  return settings;
}

Credentials::Credentials(CredentialSettings settings, http::Transfers& transfers, const Clock& clock, Random& random)
    : settings_(std::move(settings)), transfers_(transfers), clock_(clock), random_(random) {}

void Credentials::Get(Done done) {
  const WallTime now = clock_.Now();
  const bool serves = present_ && (!present_->expires_at || now < *present_->expires_at);
  if (serves) {
    const AwsKeys keys = present_->keys;
    if (present_->expires_at && now >= renew_at_ && !renewing_) Renew();
    return done(keys);
  }
  waiting_.push_back(std::move(done));
  if (!renewing_) Renew();
}

void Credentials::Refused(const AwsKeys& keys) {
  if (present_ && present_->keys.access_key_id == keys.access_key_id) present_.reset();
}

void Credentials::Renew() {
  renewing_ = true;
  if (!settings_.keys.access_key_id.empty()) return End(TimedKeys{settings_.keys, std::nullopt});
  if (!settings_.role_arn.empty() && !settings_.token_file.empty()) return AskSts();
  if (const auto text = ReadFile(settings_.shared_file)) {
    auto found = ReadSharedFile(*text, settings_.profile);
    if (found.ok()) return End(std::move(found));
  }
  if (!settings_.container_url.empty()) return AskContainer();
  if (!settings_.instance_url.empty()) return AskInstance();
  End(Fail(ErrorCode::kUnauthorized,
           "no AWS credentials: neither AWS_ACCESS_KEY_ID, AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE, a shared "
           "credentials file, a container's nor an instance's role"));
}

void Credentials::AskSts() {
  const auto token = ReadFile(settings_.token_file);
  if (!token) return End(Fail(ErrorCode::kUnauthorized, "AWS_WEB_IDENTITY_TOKEN_FILE cannot be read"));
  http::ClientRequest request;
  request.method = "POST";
  request.url = settings_.sts_url;
  request.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  request.headers.Set("Accept", "application/json");
  request.body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" + PercentEncoded(settings_.role_arn) +
                 "&RoleSessionName=" + PercentEncoded(settings_.session_name) +
                 "&WebIdentityToken=" + PercentEncoded(*token);
  Ask(std::move(request), [this](const std::string& text) { End(ReadAssumedRole(text)); });
}

void Credentials::AskContainer() {
  if (Status allowed = CheckContainerUrl(settings_.container_url); !allowed.ok()) return End(allowed.error());
  http::ClientRequest request = GetOf(settings_.container_url);
  std::string token = settings_.container_token;
  if (!settings_.container_token_file.empty()) {
    const auto text = ReadFile(settings_.container_token_file);
    if (!text) return End(Fail(ErrorCode::kUnauthorized, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read"));
    token = *text;
  }
  if (!token.empty()) request.headers.Set("Authorization", token);
  Ask(std::move(request), [this](const std::string& text) { End(ReadKeyDocument(text)); });
}

void Credentials::AskInstance() {
  http::ClientRequest request = GetOf(settings_.instance_url + "/latest/api/token");
  request.method = "PUT";
  request.headers.Set("X-aws-ec2-metadata-token-ttl-seconds", "21600");
  Ask(std::move(request), [this](const std::string& token) {
    const std::string path = "/latest/meta-data/iam/security-credentials/";
    AskInstanceFor(token, path, [this, token, path](const std::string& roles) {
      const std::string role = roles.substr(0, roles.find('\n'));
      AskInstanceFor(token, path + PercentEncoded(role),
                     [this](const std::string& text) { End(ReadKeyDocument(text)); });
    });
  });
}

void Credentials::AskInstanceFor(const std::string& token, const std::string& path,
                                 std::function<void(const std::string& text)> then) {
  http::ClientRequest request = GetOf(settings_.instance_url + path);
  request.headers.Set("X-aws-ec2-metadata-token", token);
  Ask(std::move(request), std::move(then));
}

void Credentials::Ask(http::ClientRequest request, std::function<void(const std::string& text)> then) {
  request.deadline = kCredentialLimit;
  request.response_limit_bytes = kAnswerBytesMax;
  transfers_.Begin(std::move(request), [this, next = std::move(then)](const Result<http::ClientResponse>& answer) {
    if (!answer.ok()) return End(answer.error());
    if (answer->status != kSuccess) {
      const bool theirs = answer->status >= 500;
      return End(Fail(theirs ? ErrorCode::kUnavailable : ErrorCode::kUnauthorized,
                      "whoever gives AWS credentials answered with status " + std::to_string(answer->status)));
    }
    next(answer->body);
  });
}

void Credentials::End(Result<TimedKeys> outcome) {
  renewing_ = false;
  const WallTime now = clock_.Now();
  if (outcome.ok()) {
    present_ = *outcome;
    const auto spread = std::chrono::milliseconds(random_.Between(0, std::chrono::milliseconds(kRenewSpread).count()));
    // Those that were given for a short time are not asked for at each call either.
    if (present_->expires_at) renew_at_ = std::max(*present_->expires_at - kRenewBefore - spread, now + kRenewPause);
  } else {
    renew_at_ = now + kRenewPause;
  }
  const Result<AwsKeys> told = outcome.ok() ? Result<AwsKeys>(outcome->keys) : Result<AwsKeys>(outcome.error());
  for (const Done& done : std::exchange(waiting_, {})) done(told);
}

}  // namespace asya::aws
