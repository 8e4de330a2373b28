// Admission: what the webhooks answer kube-apiserver: pods that ask for it are injected, and looked at again when all
// webhooks have had them; objects of our kinds are validated where a cluster has them as definitions of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/http/message.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/composer.h"
#include "webhooks/review.h"

namespace asya::webhooks {

inline constexpr const char* kPathPrefix = "/webhooks/";
inline constexpr const char* kInjectPath = "/webhooks/inject";
inline constexpr const char* kCheckPath = "/webhooks/check";
inline constexpr const char* kKindsPath = "/webhooks/kinds";

// The verdicts alone. `find`: the parts of an actor by namespace and name.
using FindParts = std::function<Result<std::shared_ptr<const ports::InjectedParts>>(const std::string& namespace_,
                                                                                    const std::string& actor)>;
Verdict InjectPod(const Review& review, const FindParts& find);
Verdict CheckPod(const Review& review);
Verdict CheckKind(const Review& review);

class Admission {
 public:
  struct Parts {
    FindParts find;  // must not wait for anything
    const Clock& clock;
    observe::Logger logger;
    observe::Metrics& metrics;
  };
  explicit Admission(Parts parts);

  // To a request below kPathPrefix; any thread; waits for nothing. What is no review gets a Status with what is
  // accepted.
  http::Response Answer(const http::Request& request) const;

 private:
  struct Series {
    observe::Counter reviews;
    observe::Histogram seconds;
  };
  struct Webhook {
    std::function<Verdict(const Review&)> judge;
    std::map<std::string, Series, std::less<>> series;  // by result
  };
  void AddWebhook(const char* path, const char* name, std::function<Verdict(const Review&)> judge);
  [[nodiscard]] http::Response Judge(const Webhook& webhook, const http::Request& request, std::string& result) const;

  const Parts parts_;
  std::map<std::string, Webhook, std::less<>> webhooks_;  // by path
};

}  // namespace asya::webhooks
