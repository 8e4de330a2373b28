// KeySource: AWS keys for callers that wait, of any thread.
#pragma once

#include <mutex>

#include "core/aws/credentials.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/http/transfers.h"

namespace asya::aws {

class KeySource {
 public:
  KeySource(CredentialSettings settings, const Clock& clock);
  // At once while the keys serve; else one caller at a time asks for others, each place within kCredentialLimit. Errors
  // as with Credentials::Get.
  Result<AwsKeys> Get();
  // These were refused: if they are the present ones, the next Get asks for others.
  void Refused(const AwsKeys& keys);

 private:
  std::mutex mutex_;
  Random random_;
  http::Transfers transfers_;
  Credentials credentials_;
};

}  // namespace asya::aws
