#include "core/http/curl_call.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace asya::http {
namespace {

std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* context) {
  auto& call = *static_cast<CurlCall*>(context);
  const std::size_t bytes = size * count;
  if (call.request.on_body) {
    call.ended_by_caller = !call.request.on_body({data, bytes});
    return call.ended_by_caller ? 0 : bytes;
  }
  call.too_large = call.response.body.size() + bytes > call.request.response_limit_bytes;
  if (call.too_large) return 0;
  call.response.body.append(data, bytes);
  return bytes;
}

std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* context) {
  auto& call = *static_cast<CurlCall*>(context);
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == ' ')) line.remove_suffix(1);
  // What came before a status line was "100 Continue".
  if (line.substr(0, 5) == "HTTP/") call.response.headers = Headers();
  const std::size_t colon = line.find(':');
  if (line.substr(0, 5) == "HTTP/" || colon == std::string_view::npos) return size * count;
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  call.response.headers.Add(line.substr(0, colon), std::string(value));
  return size * count;
}

// Called by libcurl while it waits, too.
int OnProgress(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& call = *static_cast<CurlCall*>(context);
  call.ended_by_caller = call.ended_by_caller || call.request.is_over();
  return call.ended_by_caller ? 1 : 0;
}

Error ErrorOf(CURLcode code, const CurlCall& call) {
  const std::string what = call.request.method + " " + call.request.unix_path.value_or(call.request.url);
  if (call.ended_by_caller) return Fail(ErrorCode::kClosed, what + ": ended by the caller");
  if (call.too_large) {
    return Fail(ErrorCode::kTooLarge,
                what + ": the answer is larger than " + std::to_string(call.request.response_limit_bytes) + " bytes");
  }
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Fail(ErrorCode::kTimeout,
                  what + ": no answer in " + std::to_string(call.request.deadline.count()) + " ms");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Invalid("url", what + ": " + curl_easy_strerror(code));
    default:
      return Fail(ErrorCode::kUnavailable, what + ": " + curl_easy_strerror(code));
  }
}

// Copied by libcurl; the cast is what its C interface asks for.
void SetBlob(CURL* curl, CURLoption option, const std::string& pem) {
  if (pem.empty()) return;
  curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
  curl_easy_setopt(curl, option, &blob);
}

}  // namespace

void CurlCall::SetUp(CURL* curl) {
  const auto add = [this](const std::string& line) { headers = curl_slist_append(headers, line.c_str()); };
  curl_easy_reset(curl);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(request.deadline.count())));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  if (request.is_over) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, OnProgress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
  }
  if (request.method == "HEAD") curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  if (request.unix_path) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, request.unix_path->c_str());
  SetBlob(curl, CURLOPT_CAINFO_BLOB, request.ca_pem);
  SetBlob(curl, CURLOPT_SSLCERT_BLOB, request.certificate_pem);
  SetBlob(curl, CURLOPT_SSLKEY_BLOB, request.key_pem);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  add("Expect:");
  if (!request.headers.Get("Content-Type")) add("Content-Type: application/json");
  for (const auto& [name, value] : request.headers.all()) add(name + ": " + value);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
}

Result<ClientResponse> CurlCall::Finish(CURL* curl, CURLcode code) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  curl_easy_reset(curl);  // drops pointers into this call
  if (code != CURLE_OK) return ErrorOf(code, *this);
  return std::move(response);
}

void InitialiseCurl() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(initialised);
}

}  // namespace asya::http
