#include "transports/pubsub/google_access.h"

#include <algorithm>
#include <utility>

#include "core/base/base64url.h"
#include "core/http/rsa_signature.h"
#include "core/json/parse.h"
#include "core/json/value.h"

namespace asya::transports::pubsub {
namespace {

constexpr const char* kScope = "https://www.googleapis.com/auth/pubsub";
constexpr std::chrono::seconds kAssertionLife{3600};
constexpr std::size_t kAnswerBytesMax = 64U * 1024;
constexpr int kDoublingsMax = 16;
constexpr int kOk = 200;

struct Key {
  std::string email;
  std::string id;
  std::string pem;
  std::string token_url;
};

Result<Key> ReadKey(const std::string& text) {
  const auto parsed = json::Parse(text);
  if (!parsed.ok() || !parsed->IsObject()) return Invalid("", "the credentials are not JSON");
  const std::string type = parsed->GetString("type").value_or("");
  if (type != "service_account") {
    return Invalid("type", "credentials of type service_account are accepted, not of \"" + type + "\"");
  }
  Key key{parsed->GetString("client_email").value_or(""), parsed->GetString("private_key_id").value_or(""),
          parsed->GetString("private_key").value_or(""),
          parsed->GetString("token_uri").value_or("https://oauth2.googleapis.com/token")};
  if (key.email.empty()) return Invalid("client_email", "is missing");
  const bool loopback = key.token_url.starts_with("http://127.0.0.1:");
  if (!key.token_url.starts_with("https://") && !loopback) return Invalid("token_uri", "an https URL is accepted");
  ASYA_TRY(const std::string probe, http::SignRs256(key.pem, ""));
  static_cast<void>(probe);
  return key;
}

}  // namespace

Status GoogleAccess::CheckKey(const std::string& key_json) {
  ASYA_TRY(const Key key, ReadKey(key_json));
  static_cast<void>(key);
  return Ok();
}

GoogleAccess::GoogleAccess(GoogleAccessSettings settings, const Clock& clock, Random& random)
    : settings_(std::move(settings)), clock_(clock), random_(random), thread_([this] { Work(); }) {}

GoogleAccess::~GoogleAccess() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<std::string> GoogleAccess::Token() {
  const std::lock_guard lock(mutex_);
  if (!token_.empty() && ends_at_ > clock_.Steady()) return token_;
  return Fail(ErrorCode::kUnavailable, "no access to Pub/Sub: " + problem_);
}

void GoogleAccess::Refused() {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
    token_.clear();
    problem_ = "Pub/Sub refused the last token";
  }
  changed_.notify_all();
}

// Asks again until a token comes: the metadata server may take its time after the start of a pod.
void GoogleAccess::Work() {
  std::unique_lock lock(mutex_);
  int failures = 0;
  while (!stopping_) {
    wanted_ = false;
    lock.unlock();
    auto fresh = Fetch();
    lock.lock();
    std::chrono::milliseconds pause{0};
    if (fresh.ok()) {
      failures = 0;
      token_ = std::move(fresh->token);
      ends_at_ = clock_.Steady() + fresh->lifetime;
      pause = std::max<std::chrono::milliseconds>(fresh->lifetime - settings_.renew_before, fresh->lifetime / 2);
    } else {
      problem_ = fresh.error().message;
      const auto longest =
          std::min(settings_.retry_max, settings_.retry_min * (1 << std::min(failures, kDoublingsMax)));
      ++failures;
      pause = std::chrono::duration_cast<std::chrono::milliseconds>(longest * (0.5 + random_.Unit()));
    }
    // A refusal does not make it ask without a pause.
    const auto least = std::min<std::chrono::milliseconds>(pause, settings_.retry_min);
    changed_.wait_for(lock, least, [this] { return stopping_; });
    changed_.wait_for(lock, pause - least, [this] { return stopping_ || wanted_; });
  }
}

Result<http::ClientRequest> GoogleAccess::RequestByKey() const {
  ASYA_TRY(const Key key, ReadKey(settings_.key_json));
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(clock_.Now().time_since_epoch()).count();
  const json::Value header = json::Object{{"alg", "RS256"}, {"kid", key.id}, {"typ", "JWT"}};
  const json::Value claims = json::Object{{"iss", key.email},
                                          {"scope", kScope},
                                          {"aud", key.token_url},
                                          {"iat", now},
                                          {"exp", now + kAssertionLife.count()}};
  std::string assertion = EncodeBase64Url(json::Dump(header)) + "." + EncodeBase64Url(json::Dump(claims));
  ASYA_TRY(const std::string signature, http::SignRs256(key.pem, assertion));
  assertion += "." + EncodeBase64Url(signature);
  http::ClientRequest request;
  request.method = "POST";
  request.url = key.token_url;
  request.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  request.body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" + assertion;
  return request;
}

http::ClientRequest GoogleAccess::RequestToMetadata() const {
  http::ClientRequest request;
  request.url = "http://" + settings_.metadata_host + "/computeMetadata/v1/instance/service-accounts/default/token";
  request.headers.Set("Metadata-Flavor", "Google");
  return request;
}

// Errors tell the status and no more: the answer may repeat what was sent.
Result<GoogleAccess::Fresh> GoogleAccess::Fetch() {
  http::ClientRequest request = RequestToMetadata();
  if (!settings_.key_json.empty()) {
    ASYA_TRY(request, RequestByKey());
  }
  const char* who = settings_.key_json.empty() ? "the metadata server" : "the token server";
  request.deadline = settings_.ask_limit;
  request.response_limit_bytes = kAnswerBytesMax;
  const auto answer = client_.Call(request);
  if (!answer.ok()) return Fail(answer.error().code, std::string(who) + " cannot be reached");
  if (answer->status != kOk) {
    return Fail(ErrorCode::kUnavailable, std::string(who) + " answered with status " + std::to_string(answer->status));
  }
  const auto body = json::Parse(answer->body);
  const json::Value* lifetime = body.ok() ? body->Find("expires_in") : nullptr;
  if (lifetime == nullptr || !lifetime->IsInt() || lifetime->AsInt() <= 0 || !body->GetString("access_token")) {
    return Fail(ErrorCode::kUnavailable, std::string(who) + " sent no token");
  }
  return Fresh{*body->GetString("access_token"), std::chrono::seconds(lifetime->AsInt())};
}

}  // namespace asya::transports::pubsub
