#include "transports/rabbitmq/memory.h"

#include <algorithm>
#include <functional>

namespace asya::transports::rabbitmq {
namespace {

constexpr std::size_t kRecentMax = 256;
constexpr std::chrono::minutes kRememberedFor{10};
constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ULL;

}  // namespace

std::uint64_t Memory::PrintOf(std::string_view message_id, std::string_view body) {
  return std::hash<std::string_view>{}(body) ^ (std::hash<std::string_view>{}(message_id)*kSpread);
}

void Memory::Settled(std::uint64_t print) {
  recent_.push_back(print);
  if (recent_.size() > kRecentMax) recent_.pop_front();
}

void Memory::LostLease(std::uint64_t print) { ++lost_[print].leased; }

void Memory::LostSettled(std::uint64_t print) {
  // It is counted once, though it may be among the last too.
  const auto recent = std::find(recent_.begin(), recent_.end(), print);
  if (recent != recent_.end()) recent_.erase(recent);
  ++lost_[print].settled;
}

void Memory::Lost(SteadyTime now) {
  for (const std::uint64_t print : recent_) ++lost_[print].settled;
  recent_.clear();
  until_ = now + kRememberedFor;
}

void Memory::Forget() {
  lost_.clear();
  recent_.clear();
}

Memory::Recalled Memory::Recall(std::uint64_t print, SteadyTime now) {
  if (lost_.empty()) return Recalled::kUnknown;
  if (now > until_) lost_.clear();
  const auto found = lost_.find(print);
  if (found == lost_.end()) return Recalled::kUnknown;
  Known& known = found->second;
  const Recalled recalled = known.leased == 0 ? Recalled::kSettled : Recalled::kLeased;
  // Those with work left come first: the same bytes twice are the same message twice, and none may be skipped.
  if (known.leased > 0) {
    --known.leased;
  } else {
    --known.settled;
  }
  if (known.leased == 0 && known.settled == 0) lost_.erase(found);
  return recalled;
}

}  // namespace asya::transports::rabbitmq
