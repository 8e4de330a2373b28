// Credentials: AWS keys from wherever this process is given them, renewed before they run out, and never shown.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/aws/credential_answers.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/http/transfers.h"

namespace asya::aws {

// What AWS's own libraries read from the environment; the first of them that is there counts, in this order.
struct CredentialSettings {
  AwsKeys keys;  // AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
  // Web identity (IRSA): AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_SESSION_NAME.
  std::string role_arn;
  std::string token_file;  // read at each renewal
  std::string session_name = "asya";
  std::string sts_url;  // e.g. "https://sts.eu-west-1.amazonaws.com/"
  // AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE. Passed over where the file is not there.
  std::string shared_file;
  std::string profile = "default";
  // Of the container (EKS Pod Identity, ECS): AWS_CONTAINER_CREDENTIALS_FULL_URI or what stands for …_RELATIVE_URI.
  std::string container_url;
  std::string container_token;
  std::string container_token_file;  // read at each renewal
  // Of the instance (IMDSv2); empty: not asked (AWS_EC2_METADATA_DISABLED).
  std::string instance_url = "http://169.254.169.254";
};

using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
// `region` is for the address of STS.
CredentialSettings ReadCredentialSettings(const Lookup& lookup, const std::string& region);
// Of the process's own environment.
CredentialSettings CredentialSettingsOfProcess(const std::string& region);

constexpr std::chrono::minutes kRenewBefore{5};      // the keys run out
constexpr std::chrono::seconds kRenewSpread{60};     // earlier still by up to so much, that not all renew at once
constexpr std::chrono::seconds kRenewPause{30};      // after a renewal that failed while the keys still serve
constexpr std::chrono::seconds kCredentialLimit{5};  // for one answer

// For the thread that turns `transfers`.
class Credentials {
 public:
  using Done = std::function<void(const Result<AwsKeys>&)>;

  Credentials(CredentialSettings settings, http::Transfers& transfers, const Clock& clock, Random& random);
  // At once where keys are there that will serve for a while, else when they are. kUnauthorized: nobody gives any;
  // kUnavailable, kTimeout: who gives them does not answer.
  void Get(Done done);
  // These were refused: if they are the present ones, the next Get asks for others.
  void Refused(const AwsKeys& keys);

 private:
  void Renew();
  void AskSts();
  void AskContainer();
  void AskInstance();
  void AskInstanceFor(const std::string& token, const std::string& path,
                      std::function<void(const std::string& text)> then);
  void Ask(http::ClientRequest request, std::function<void(const std::string& text)> then);
  void End(Result<TimedKeys> outcome);

  const CredentialSettings settings_;
  http::Transfers& transfers_;
  const Clock& clock_;
  Random& random_;
  std::optional<TimedKeys> present_;
  WallTime renew_at_{};
  bool renewing_ = false;
  std::vector<Done> waiting_;  // bounded by the calls under way
};

}  // namespace asya::aws
