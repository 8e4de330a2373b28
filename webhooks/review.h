// Review: the AdmissionReview that kube-apiserver sends to a webhook, and the answer to it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::webhooks {

// An object and the one before it, each at most 3 MiB on its way into kube-apiserver.
inline constexpr std::size_t kReviewBytesMax = 4U << 20U;

struct Review {
  std::string uid;
  std::string operation;  // CREATE, UPDATE, DELETE or CONNECT
  std::string group;      // of the resource: empty for core
  std::string version;
  std::string resource;
  std::string subresource;
  std::string namespace_;
  std::string name;
  bool dry_run = false;
  json::Value object;      // null on DELETE
  json::Value old_object;  // null on CREATE
};

// kTooLarge and kInvalid say what was seen and what is accepted: no answer to them has a uid.
Result<Review> ParseReview(std::string_view body);

struct Verdict {
  bool allowed = true;
  int code = 0;          // of a refusal, as an HTTP status
  std::string reason{};  // of a refusal, as Kubernetes names it
  std::string message{};
  json::Array patch{};  // JSON patch; empty: nothing is changed
  std::vector<std::string> warnings{};
};

// Of the code that the error stands for: 422 Invalid, 503 ServiceUnavailable, 500 InternalError.
Verdict Refusal(const Error& error);

std::string RenderReview(const std::string& uid, const Verdict& verdict);

}  // namespace asya::webhooks
