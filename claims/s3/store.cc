#include "claims/s3/store.h"

#include <algorithm>
#include <charconv>

#include "claims/s3/listing.h"
#include "core/base/sha256.h"

namespace asya::claims::s3 {
namespace {

constexpr int kNotFound = 404;
constexpr int kDoublingsMax = 10;
constexpr int kPageObjects = 1000;                // the most that S3 lists at once
constexpr std::size_t kListBytesMax = 4U << 20U;  // of one page
constexpr std::size_t kRefusalBytesMax = 64U * 1024;
constexpr const char* kTouched = "touched";
// Behind every name in a folder, none of which has it.
constexpr const char* kAfterFolder = "/~";

std::string Encoded(std::string_view plain) {
  std::string encoded;
  for (const char c : plain) c == '/' ? encoded += "%2F" : c == '~' ? encoded += "~" : encoded += c;
  return encoded;
}

bool IsSuccess(int status) { return status >= 200 && status < 300; }

// Others may be had of whoever gives them out.
bool IsOfKeys(const std::string& code) {
  return code == "ExpiredToken" || code == "InvalidAccessKeyId" || code == "InvalidToken" ||
         code == "TokenRefreshRequired";
}

Error RefusalOf(const std::string& what, int status, const std::string& code) {
  const std::string message = what + ": S3 answered " + std::to_string(status) + (code.empty() ? "" : " " + code);
  if (status == 429 || status >= 500 || code == "RequestTimeout" || code == "OperationAborted") {
    return Fail(ErrorCode::kUnavailable, message);
  }
  return Fail(status == 401 || status == 403 ? ErrorCode::kUnauthorized : ErrorCode::kInternal, message);
}

bool MayHelp(const Error& error) { return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout; }

}  // namespace

Store::Store(Settings settings, const Clock& clock, observe::Metrics& metrics, std::string metric_prefix)
    : settings_(std::move(settings)),
      clock_(clock),
      metrics_(metrics),
      metric_prefix_(std::move(metric_prefix)),
      keys_(settings_.credentials, clock),
      signer_(settings_.region, "s3"),
      random_(SystemSeed()) {
  // A name with dots is in no wildcard certificate.
  const bool own_host = settings_.endpoint.empty() && settings_.bucket.find('.') == std::string::npos;
  const std::string service = "s3." + settings_.region + ".amazonaws.com";
  url_ = !settings_.endpoint.empty() ? settings_.endpoint
         : own_host                  ? "https://" + settings_.bucket + "." + service
                                     : "https://" + service;
  host_ = aws::HostOf(url_);
  path_ = own_host ? "/" : "/" + settings_.bucket + "/";
}

std::string Store::KeyOf(const std::string& folder, const std::string& name) const {
  return settings_.prefix + folder + "/" + name;
}

Result<bool> Store::Put(const ports::ClaimKey& key, std::string_view payload, std::chrono::milliseconds timeout) {
  const SteadyTime deadline = DeadlineOf(timeout);
  const std::string folder = ports::ClaimFolderName(key.root);
  ASYA_TRY(const std::int64_t size, SizeOf(KeyOf(folder, key.sha256), deadline));
  if (size == static_cast<std::int64_t>(payload.size())) {
    ASYA_TRY_STATUS(PutObject(KeyOf(folder, kTouched), "", Sha256Hex(""), deadline));
    return false;
  }
  ASYA_TRY_STATUS(PutObject(KeyOf(folder, key.sha256), payload, key.sha256, deadline));
  return true;
}

Result<std::string> Store::Get(const ports::ClaimKey& key, std::size_t limit_bytes, std::chrono::milliseconds timeout) {
  // A refusal, which is no payload, has to fit as well.
  const std::size_t most = std::max(limit_bytes, kRefusalBytesMax);
  Call call{"GetObject", "GET", KeyOf(ports::ClaimFolderName(key.root), key.sha256), "", "", Sha256Hex(""), most};
  ASYA_TRY(http::ClientResponse answer, Make(call, DeadlineOf(timeout)));
  if (answer.status == kNotFound) return Fail(ErrorCode::kNotFound, "there is no " + call.key);
  if (answer.body.size() > limit_bytes) {
    return Fail(ErrorCode::kTooLarge, call.key + " has " + std::to_string(answer.body.size()) + " bytes");
  }
  return std::move(answer.body);
}

Status Store::SetMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) {
  return PutObject(KeyOf(folder, mark), "", Sha256Hex(""), DeadlineOf(timeout));
}

Result<bool> Store::HasMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) {
  ASYA_TRY(const std::int64_t size, SizeOf(KeyOf(folder, mark), DeadlineOf(timeout)));
  return size >= 0;
}

Result<std::vector<ports::ClaimFolder>> Store::List(const std::string& after, std::size_t limit,
                                                    std::chrono::milliseconds timeout) {
  const std::string from = after.empty() ? "" : settings_.prefix + after + kAfterFolder;
  return Walk(settings_.prefix, from, limit, DeadlineOf(timeout));
}

Result<ports::ClaimFolder> Store::Look(const std::string& folder, std::chrono::milliseconds timeout) {
  ASYA_TRY(auto folders, Walk(settings_.prefix + folder + "/", "", 1, DeadlineOf(timeout)));
  if (!folders.empty()) return std::move(folders.front());
  ports::ClaimFolder none;
  none.name = folder;
  return none;
}

Status Store::Remove(const std::string& folder, const std::vector<std::string>& names,
                     std::chrono::milliseconds timeout) {
  const SteadyTime deadline = DeadlineOf(timeout);
  for (const std::string& name : names) {
    const auto removed = Make({"DeleteObject", "DELETE", KeyOf(folder, name), "", "", Sha256Hex("")}, deadline);
    if (!removed.ok()) return removed.error();
  }
  return Ok();
}

Status Store::PutObject(const std::string& key, std::string_view body, const std::string& sha256, SteadyTime deadline) {
  const auto answer = Make({"PutObject", "PUT", key, "", body, sha256}, deadline);
  return answer.ok() ? Ok() : answer.error();
}

Result<std::int64_t> Store::SizeOf(const std::string& key, SteadyTime deadline) {
  ASYA_TRY(const http::ClientResponse answer, Make({"HeadObject", "HEAD", key, "", "", Sha256Hex("")}, deadline));
  if (answer.status == kNotFound) return std::int64_t{-1};
  const std::string text = answer.headers.Get("Content-Length").value_or("");
  std::int64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size() || size < 0) {
    return Fail(ErrorCode::kUnavailable, "S3 did not say how large " + key + " is");
  }
  return size;
}

Result<std::vector<ports::ClaimFolder>> Store::Walk(const std::string& prefix, std::string after, std::size_t limit,
                                                    SteadyTime deadline) {
  std::vector<ports::ClaimFolder> folders;
  for (int page = 0;; ++page) {
    if (page == kListPagesMax) {
      if (!folders.empty()) folders.back().whole = false;
      return folders;
    }
    std::string query = "list-type=2&max-keys=" + std::to_string(kPageObjects) + "&prefix=" + Encoded(prefix);
    if (!after.empty()) query += "&start-after=" + Encoded(after);
    ASYA_TRY(const http::ClientResponse answer,
             Make({"ListObjectsV2", "GET", "", query, "", Sha256Hex(""), kListBytesMax}, deadline));
    ASYA_TRY(const Listing listing, ReadListing(answer.body));
    for (const ListedObject& object : listing.objects) {
      if (object.key.rfind(settings_.prefix, 0) != 0) continue;
      const std::string place = object.key.substr(settings_.prefix.size());
      const std::size_t slash = place.find('/');
      // Not one of ours.
      if (slash == std::string::npos || slash == 0 || place.find('/', slash + 1) != std::string::npos) continue;
      const std::string name = place.substr(0, slash);
      if (folders.empty() || folders.back().name != name) {
        if (folders.size() == limit) return folders;
        folders.push_back({name, object.modified, {}, true});
      }
      folders.back().newest = std::max(folders.back().newest, object.modified);
      folders.back().names.push_back(place.substr(slash + 1));
    }
    if (!listing.truncated) return folders;
    after = listing.objects.back().key;
  }
}

Result<http::ClientResponse> Store::Make(const Call& call, SteadyTime deadline) {
  bool keys_refused = false;
  for (int attempt = 1;; ++attempt) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::min(deadline, EndsBy()) - clock_.Steady());
    if (left.count() <= 0) return Fail(ErrorCode::kTimeout, std::string(call.operation) + ": no time is left");
    ASYA_TRY(const aws::AwsKeys keys, keys_.Get());
    auto answer = Attempt(call, keys, left);
    const std::string code = answer.ok() && !IsSuccess(answer->status) ? RefusalCode(answer->body) : "";
    // Nothing that waiting would mend, but a person may.
    if (code == "NoSuchBucket") return Fail(ErrorCode::kUnavailable, "there is no bucket " + settings_.bucket);
    if (answer.ok() && (IsSuccess(answer->status) || answer->status == kNotFound)) {
      Count("_s3_calls_total", "Calls of S3, each attempt.", {{"operation", call.operation}, {"outcome", "ok"}});
      return answer;
    }
    const Error error = answer.ok() ? RefusalOf(call.operation, answer->status, code) : answer.error();
    Count("_s3_calls_total", "Calls of S3, each attempt.",
          {{"operation", call.operation}, {"outcome", ErrorCodeName(error.code)}});
    const bool other_keys = IsOfKeys(code) && !std::exchange(keys_refused, true);
    if (other_keys) keys_.Refused(keys);
    if ((!MayHelp(error) && !other_keys) || attempt == kAttempts) return error;
    Count("_s3_retries_total", "Calls of S3 that were made again.", {{"operation", call.operation}});
    const auto longest = std::min(kLongestPause, kFirstPause * (1 << std::min(attempt - 1, kDoublingsMax)));
    double unit = 0;
    {
      const std::lock_guard lock(mutex_);
      unit = random_.Unit();
    }
    Pause(std::chrono::duration_cast<std::chrono::milliseconds>(longest * (0.5 + unit)));
  }
}

void Store::EndBy(SteadyTime time) {
  {
    const std::lock_guard lock(mutex_);
    end_by_ = std::min(end_by_, time);
  }
  changed_.notify_all();
}

SteadyTime Store::EndsBy() {
  const std::lock_guard lock(mutex_);
  return end_by_;
}

void Store::Pause(std::chrono::milliseconds time) {
  const SteadyTime until = clock_.Steady() + time;
  std::unique_lock lock(mutex_);
  for (SteadyTime now = clock_.Steady(); now < std::min(until, end_by_); now = clock_.Steady()) {
    changed_.wait_for(lock, std::min(until, end_by_) - now);
  }
}

Result<http::ClientResponse> Store::Attempt(const Call& call, const aws::AwsKeys& keys,
                                            std::chrono::milliseconds limit) {
  http::ClientRequest request;
  request.method = call.method;
  const std::string path = path_ + call.key;
  request.url = url_ + path + (call.query.empty() ? "" : "?" + call.query);
  request.deadline = limit;
  request.response_limit_bytes = call.answer_bytes;
  request.ca_pem = settings_.ca_pem;
  request.is_over = [this] { return clock_.Steady() >= EndsBy(); };
  request.body = call.body;
  const std::string date = aws::AmzDate(clock_.Now());
  aws::ToSign to_sign{call.method, path, call.query, {}, call.body, call.body_sha256};
  to_sign.headers = {{"host", host_}, {"x-amz-content-sha256", call.body_sha256}, {"x-amz-date", date}};
  if (!keys.session_token.empty()) to_sign.headers.emplace_back("x-amz-security-token", keys.session_token);
  for (const auto& [name, value] : to_sign.headers) {
    if (name != "host") request.headers.Set(name, value);
  }
  {
    const std::lock_guard lock(mutex_);
    request.headers.Set("Authorization", signer_.Sign(keys, date, to_sign));
  }
  return client_.Call(request);
}

void Store::Count(const char* name, const char* help, const observe::MetricLabels& labels) {
  const std::lock_guard lock(mutex_);
  const auto key = std::pair(std::string(name), labels);
  auto found = counters_.find(key);
  if (found == counters_.end()) {
    found = counters_.emplace(key, metrics_.MakeCounter(metric_prefix_ + name, help, labels)).first;
  }
  found->second.Add();
}

}  // namespace asya::claims::s3
