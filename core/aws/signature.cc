#include "core/aws/signature.h"

#include <algorithm>

#include "core/base/sha256.h"

namespace asya::aws {
namespace {

constexpr std::size_t kDayDigits = 8;

std::string Bytes(const Sha256Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

std::string Hmac(std::string_view key, std::string_view text) { return Bytes(HmacSha256(key, text)); }

// Without white space at the ends and with one space for several.
std::string Trimmed(std::string_view value) {
  std::string trimmed;
  for (const char c : value) {
    if (c != ' ' && c != '\t') {
      trimmed += c;
    } else if (!trimmed.empty() && trimmed.back() != ' ') {
      trimmed += ' ';
    }
  }
  if (!trimmed.empty() && trimmed.back() == ' ') trimmed.pop_back();
  return trimmed;
}

}  // namespace

std::string HostOf(const std::string& url) {
  std::string host = url.substr(url.find("//") + 2);
  host = host.substr(0, host.find('/'));
  const std::string_view usual = url.substr(0, 5) == "https" ? ":443" : ":80";
  if (host.size() > usual.size() && std::string_view(host).substr(host.size() - usual.size()) == usual) {
    host.resize(host.size() - usual.size());
  }
  return host;
}

std::string AmzDate(WallTime now) {
  std::string text = FormatRfc3339(now);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

std::string Signer::Sign(const AwsKeys& keys, const std::string& amz_date, const ToSign& request) {
  auto headers = request.headers;
  std::sort(headers.begin(), headers.end());
  std::string names;
  std::string canonical = std::string(request.method) + "\n" + std::string(request.path) + "\n";
  canonical += std::string(request.query) + "\n";
  for (const auto& [name, value] : headers) {
    canonical += name + ":" + Trimmed(value) + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  canonical += "\n" + names + "\n";
  canonical += request.body_sha256.empty() ? Sha256Hex(request.body) : std::string(request.body_sha256);

  const std::string day = amz_date.substr(0, kDayDigits);
  const std::string scope = day + "/" + region_ + "/" + service_ + "/aws4_request";
  const std::string text = "AWS4-HMAC-SHA256\n" + amz_date + "\n" + scope + "\n" + Sha256Hex(canonical);
  const std::string key_for = Sha256Hex(day + "\n" + keys.secret_access_key);
  if (key_for != key_for_) {
    key_ = Hmac(Hmac(Hmac(Hmac("AWS4" + keys.secret_access_key, day), region_), service_), "aws4_request");
    key_for_ = key_for;
  }
  return "AWS4-HMAC-SHA256 Credential=" + keys.access_key_id + "/" + scope + ", SignedHeaders=" + names +
         ", Signature=" + HexOf(HmacSha256(key_, text));
}

}  // namespace asya::aws
