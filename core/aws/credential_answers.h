// CredentialAnswers: what the places that give out AWS credentials say, read without trust. No error holds a value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/aws/signature.h"
#include "core/base/clock.h"
#include "core/base/result.h"

namespace asya::aws {

struct TimedKeys {
  AwsKeys keys;
  std::optional<WallTime> expires_at;  // nullopt: they do not run out
};

// Of container endpoints and of the metadata service of instances: AccessKeyId, SecretAccessKey, Token, Expiration.
Result<TimedKeys> ReadKeyDocument(std::string_view json_text);
// Of STS, AssumeRoleWithWebIdentity: JSON, or XML where the endpoint speaks nothing else.
Result<TimedKeys> ReadAssumedRole(std::string_view text);
// Of ~/.aws/credentials. kNotFound: no such profile in it, or one without keys.
Result<TimedKeys> ReadSharedFile(std::string_view text, const std::string& profile);
// Over plain HTTP only from this machine and from the addresses that AWS itself gives (ECS, EKS). kForbidden.
Status CheckContainerUrl(const std::string& url);

}  // namespace asya::aws
