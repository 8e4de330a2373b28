#include "transports/rabbitmq/pardons.h"

#include <algorithm>
#include <bit>

#include "transports/rabbitmq/wire.h"

namespace asya::transports::rabbitmq {

std::string WriteNotice(const Notice& notice) {
  std::string bytes;
  WireWriter writer(bytes);
  writer.U8(static_cast<std::uint8_t>(notice.kind));
  for (const Pardon& pardon : notice.pardons) writer.U64(pardon.print).U64(pardon.losses);
  return bytes;
}

Result<Notice> ReadNotice(std::string_view bytes) {
  WireReader reader(bytes);
  const std::uint8_t kind = reader.U8();
  if (!reader.ok() || kind > static_cast<std::uint8_t>(Notice::Kind::kAsked)) {
    return Invalid("", "an unknown kind of notice");
  }
  Notice notice{static_cast<Notice::Kind>(kind), {}};
  while (!reader.rest().empty()) {
    const std::uint64_t print = reader.U64();
    const LossSet losses = reader.U64();
    if (!reader.ok()) return Invalid("", "a notice that ends too early");
    if (notice.pardons.size() >= kPardonsPerNoticeMax) return Invalid("", "a notice of too many pardons");
    notice.pardons.push_back({print, losses});
  }
  return notice;
}

LossSet LossNumber(std::int64_t number) {
  return number >= 0 && number < kPardonableLossesMax ? LossSet{1} << static_cast<unsigned>(number) : 0;
}

std::int64_t CrashesAmong(std::int64_t losses, LossSet pardoned) {
  if (losses <= 0) return 0;
  const LossSet among = losses >= kPardonableLossesMax ? pardoned : pardoned & (LossNumber(losses) - 1);
  return losses - std::popcount(among);
}

void Pardons::Learn(const Pardon& pardon, SteadyTime now) {
  if (pardon.losses == 0) return;
  Known& known = known_[pardon.print];
  const LossSet before = now - known.learned > kPardonedFor ? 0 : known.losses;
  known.losses = before | pardon.losses;
  if (known.losses == before) return;
  known.learned = now;
  order_.push_back({pardon.print, now});
  while (order_.size() > kPardonsMax) {
    const auto oldest = known_.find(order_.front().print);
    // One that something was learned of since stands further back as well.
    if (oldest != known_.end() && oldest->second.learned == order_.front().at) known_.erase(oldest);
    order_.pop_front();
  }
}

void Pardons::Grant(const Pardon& pardon, SteadyTime now) {
  if (pardon.losses == 0) return;
  Learn(pardon, now);
  untold_.push_back(pardon.print);
  if (untold_.size() > kPardonsMax) untold_.pop_front();
}

LossSet Pardons::Of(std::uint64_t print, SteadyTime now) const {
  const auto found = known_.find(print);
  return found == known_.end() || now - found->second.learned > kPardonedFor ? 0 : found->second.losses;
}

std::vector<Pardon> Pardons::TakeUntold(SteadyTime now) {
  std::vector<Pardon> taken;
  while (!untold_.empty() && taken.size() < kPardonsPerNoticeMax) {
    const Pardon pardon{untold_.front(), Of(untold_.front(), now)};
    if (pardon.losses != 0) taken.push_back(pardon);
    untold_.pop_front();
  }
  return taken;
}

void Pardons::TellAll() {
  untold_.clear();
  for (const auto& [print, known] : known_) untold_.push_back(print);
}

void Pardons::Forget() {
  known_.clear();
  order_.clear();
  untold_.clear();
}

}  // namespace asya::transports::rabbitmq
