#include "core/aws/key_source.h"

#include <optional>
#include <utility>

namespace asya::aws {
namespace {

constexpr std::size_t kConnectionsMax = 1;
constexpr std::chrono::milliseconds kTurn{1000};

}  // namespace

KeySource::KeySource(CredentialSettings settings, const Clock& clock)
    : random_(SystemSeed()),
      transfers_(kConnectionsMax),
      credentials_(std::move(settings), transfers_, clock, random_) {}

Result<AwsKeys> KeySource::Get() {
  const std::lock_guard lock(mutex_);
  std::optional<Result<AwsKeys>> keys;
  credentials_.Get([&keys](const Result<AwsKeys>& outcome) { keys = outcome; });
  while (!keys) transfers_.Turn(kTurn);
  return *std::move(keys);
}

void KeySource::Refused(const AwsKeys& keys) {
  const std::lock_guard lock(mutex_);
  credentials_.Refused(keys);
}

}  // namespace asya::aws
