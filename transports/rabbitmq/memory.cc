#include "transports/rabbitmq/memory.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

namespace asya::transports::rabbitmq {
namespace {

constexpr std::size_t kRecentMax = 256;
constexpr std::chrono::minutes kRememberedFor{10};
constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ULL;

std::uint64_t Mixed(std::uint64_t state, std::uint64_t word) { return std::rotl(state ^ word, 29) * kSpread; }

std::uint64_t WordAt(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Of all bytes: four words at a time, which do not wait for each other. Nobody chooses them to be alike.
std::uint64_t PrintOfBytes(std::string_view bytes) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::uint64_t first = kSpread;
  std::uint64_t second = ~kSpread;
  std::uint64_t third = kSpread << 1U;
  std::uint64_t print = bytes.size();
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  for (; end - at >= static_cast<std::ptrdiff_t>(4 * kWord); at += 4 * kWord) {
    first = Mixed(first, WordAt(at));
    second = Mixed(second, WordAt(at + kWord));
    third = Mixed(third, WordAt(at + 2 * kWord));
    print = Mixed(print, WordAt(at + 3 * kWord));
  }
  for (; end - at >= static_cast<std::ptrdiff_t>(kWord); at += kWord) print = Mixed(print, WordAt(at));
  for (; at < end; ++at) print = Mixed(print, static_cast<unsigned char>(*at));
  print = Mixed(Mixed(Mixed(print, first), second), third);
  return print ^ (print >> 32U);
}

}  // namespace

std::uint64_t Memory::PrintOf(std::string_view message_id, std::string_view body) {
  return PrintOfBytes(body) ^ (PrintOfBytes(message_id) * kSpread);
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
