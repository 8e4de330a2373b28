#include "core/aws/credential_answers.h"

#include <array>
#include <utility>

#include "core/json/parse.h"
#include "core/json/value.h"

namespace asya::aws {
namespace {

std::string TextOf(const json::Value* value) { return value != nullptr && value->IsString() ? value->AsString() : ""; }

Result<TimedKeys> Checked(TimedKeys found, bool wants_time) {
  if (found.keys.access_key_id.empty() || found.keys.secret_access_key.empty()) {
    return Fail(ErrorCode::kUnauthorized, "the answer holds no credentials");
  }
  if (wants_time && !found.expires_at) {
    return Fail(ErrorCode::kUnauthorized, "the credentials of the answer have no time at which they run out");
  }
  return found;
}

// RFC 3339, or seconds since 1970.
std::optional<WallTime> TimeOf(const json::Value* value) {
  constexpr double kSecondsMost = 1e11;
  if (value == nullptr) return std::nullopt;
  if (value->IsString()) return ParseRfc3339(value->AsString());
  if (!value->IsNumber() || value->AsDouble() < 0 || value->AsDouble() > kSecondsMost) return std::nullopt;
  return WallTime(std::chrono::seconds(static_cast<std::int64_t>(value->AsDouble())));
}

Result<TimedKeys> KeysOf(const json::Value& object, const char* token) {
  TimedKeys found;
  found.keys.access_key_id = TextOf(object.Find("AccessKeyId"));
  found.keys.secret_access_key = TextOf(object.Find("SecretAccessKey"));
  found.keys.session_token = TextOf(object.Find(token));
  found.expires_at = TimeOf(object.Find("Expiration"));
  return Checked(std::move(found), true);
}

std::string InTag(std::string_view text, const std::string& tag) {
  const std::size_t begin = text.find("<" + tag + ">");
  if (begin == std::string_view::npos) return "";
  const std::size_t from = begin + tag.size() + 2;
  const std::size_t end = text.find("</" + tag + ">", from);
  return end == std::string_view::npos ? "" : std::string(text.substr(from, end - from));
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

Result<TimedKeys> ReadKeyDocument(std::string_view json_text) {
  const auto document = json::Parse(json_text);
  if (!document.ok()) return Fail(ErrorCode::kUnauthorized, "the answer with the credentials cannot be read");
  return KeysOf(*document, "Token");
}

Result<TimedKeys> ReadAssumedRole(std::string_view text) {
  if (const auto document = json::Parse(text); document.ok()) {
    const json::Value* keys =
        document->FindPath({"AssumeRoleWithWebIdentityResponse", "AssumeRoleWithWebIdentityResult", "Credentials"});
    if (keys == nullptr) return Fail(ErrorCode::kUnauthorized, "the answer of STS holds no credentials");
    return KeysOf(*keys, "SessionToken");
  }
  TimedKeys found;
  found.keys.access_key_id = InTag(text, "AccessKeyId");
  found.keys.secret_access_key = InTag(text, "SecretAccessKey");
  found.keys.session_token = InTag(text, "SessionToken");
  found.expires_at = ParseRfc3339(InTag(text, "Expiration"));
  return Checked(std::move(found), true);
}

Result<TimedKeys> ReadSharedFile(std::string_view text, const std::string& profile) {
  TimedKeys found;
  bool ours = false;
  bool seen = false;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      ours = line == "[" + profile + "]";
      seen = seen || ours;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!ours || equals == std::string_view::npos) continue;
    const std::string_view name = Trimmed(line.substr(0, equals));
    const std::string value(Trimmed(line.substr(equals + 1)));
    if (name == "aws_access_key_id") found.keys.access_key_id = value;
    if (name == "aws_secret_access_key") found.keys.secret_access_key = value;
    if (name == "aws_session_token") found.keys.session_token = value;
  }
  if (!seen || found.keys.access_key_id.empty() || found.keys.secret_access_key.empty()) {
    return Fail(ErrorCode::kNotFound, "the shared credentials file has no keys of the profile \"" + profile + "\"");
  }
  return found;
}

Status CheckContainerUrl(const std::string& url) {
  constexpr std::string_view kSecure = "https://";
  constexpr std::string_view kPlain = "http://";
  constexpr std::array<std::string_view, 6> kHosts = {"localhost",     "127.0.0.1",      "[::1]",
                                                      "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
  if (url.substr(0, kSecure.size()) == kSecure) return Ok();
  if (url.substr(0, kPlain.size()) == kPlain) {
    const std::string_view rest = std::string_view(url).substr(kPlain.size());
    for (const std::string_view host : kHosts) {
      if (rest.substr(0, host.size()) != host) continue;
      const char next = rest.size() == host.size() ? '/' : rest[host.size()];
      if (next == '/' || next == ':') return Ok();
    }
  }
  return Fail(ErrorCode::kForbidden,
              "AWS_CONTAINER_CREDENTIALS_FULL_URI: https, or http to this machine, 169.254.170.2, 169.254.170.23 or "
              "[fd00:ec2::23] is accepted");
}

}  // namespace asya::aws
