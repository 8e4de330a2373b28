// GoogleAccess: tokens of a service account's file, or of the machine's metadata server, renewed before they end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/http/client.h"
#include "transports/pubsub/access.h"

namespace asya::transports::pubsub {

struct GoogleAccessSettings {
  std::string key_json;  // a service account's key file; empty: the metadata server is asked
  std::string metadata_host = "metadata.google.internal";
  std::chrono::milliseconds ask_limit{10'000};  // for one answer
  std::chrono::milliseconds retry_min{250};     // doubles with each try, plus or minus a half
  std::chrono::milliseconds retry_max{30'000};
  std::chrono::seconds renew_before{300};  // the end of the old token
};

// With a thread of its own, which sleeps but for renewals.
class GoogleAccess final : public Access {
 public:
  // kInvalid: the key is not one of a service account; the error never repeats it.
  static Status CheckKey(const std::string& key_json);

  GoogleAccess(GoogleAccessSettings settings, const Clock& clock, Random& random);
  ~GoogleAccess() override;
  GoogleAccess(const GoogleAccess&) = delete;
  GoogleAccess& operator=(const GoogleAccess&) = delete;

  Result<std::string> Token() override;
  void Refused() override;

 private:
  struct Fresh {
    std::string token;
    std::chrono::seconds lifetime{0};
  };
  void Work();
  Result<Fresh> Fetch();
  Result<http::ClientRequest> RequestByKey() const;
  [[nodiscard]] http::ClientRequest RequestToMetadata() const;

  const GoogleAccessSettings settings_;
  const Clock& clock_;
  Random& random_;
  http::Client client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string token_;
  SteadyTime ends_at_{};
  std::string problem_ = "no token has come yet";
  bool wanted_ = true;  // now, whatever the age of the old one
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace asya::transports::pubsub
