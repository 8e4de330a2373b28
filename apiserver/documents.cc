#include "apiserver/documents.h"

#include <array>
#include <cstdint>
#include <utility>

#include "core/json/value.h"

namespace asya::apiserver {
namespace {

// FNV-1a; the tag only has to change when the document does.
std::string Hash(const std::string& text) {
  constexpr std::uint64_t kOffset = 14695981039346656037ULL;
  constexpr std::uint64_t kPrime = 1099511628211ULL;
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const std::uint64_t salt : {0ULL, 1ULL}) {
    std::uint64_t hash = kOffset ^ salt;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    for (int shift = 60; shift >= 0; shift -= 4) out += kHex[(hash >> static_cast<unsigned>(shift)) & 15U];
  }
  return out;
}

}  // namespace

Document MakeDocument(std::string body, std::string content_type) {
  std::string hash = Hash(body);
  return Document{std::move(body), std::move(content_type), std::move(hash)};
}

http::Response Serve(const Document& document, const http::Request& request) {
  http::Response response;
  const std::string tag = "\"" + document.hash + "\"";
  response.headers.Set("ETag", tag);
  response.headers.Set("Vary", "Accept");
  response.headers.Set("Cache-Control", "public");
  const auto known = request.headers.Get("If-None-Match");
  if (known && known->find(tag) != std::string::npos) {
    response.status = 304;
    return response;
  }
  response.body = document.body;
  response.content_type = document.content_type;
  return response;
}

http::Response VersionResponse(const std::string& product_version) {
  // The minor version says which Kubernetes conventions are followed; clients parse it.
  http::Response response;
  response.body = json::DumpPretty(json::Object{{"major", "1"},
                                                {"minor", "33"},
                                                {"gitVersion", "v1.33.0+asya-" + product_version},
                                                {"gitCommit", ""},
                                                {"gitTreeState", ""},
                                                {"buildDate", "1970-01-01T00:00:00Z"},
                                                {"goVersion", ""},
                                                {"compiler", ""},
                                                {"platform", "linux/amd64"}});
  return response;
}

}  // namespace asya::apiserver
