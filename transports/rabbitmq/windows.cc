#include "transports/rabbitmq/windows.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace asya::transports::rabbitmq {

void Windows::OnDelivered(WindowId id, std::uint64_t tag, std::uint64_t print, std::int64_t next_loss) {
  if (slots_.empty()) first_ = tag;
  slots_.push_back(Slot{id, print, next_loss, State::kLeased, false});
  ++held_;
  if (credits_ > 0) --credits_;
  const auto found = windows_.find(id);
  if (found != windows_.end() && found->second.may_come > 0) --found->second.may_come;
}

void Windows::OnOpened(WindowId id, SteadyTime now) {
  const auto found = windows_.find(id);
  if (found == windows_.end()) return;
  found->second.opened = true;
  found->second.quiet_since = now;
}

void Windows::OnCancelled(WindowId id) { windows_.erase(id); }

void Windows::Done(std::uint64_t tag, bool requeue, SteadyTime now) {
  Slot& slot = At(tag);
  slot.state = State::kDone;
  slot.requeue = requeue;
  withheld_.push_back(Withheld{tag, now});
}

SteadyTime Windows::EndsAt(const Window& window) {
  // RabbitMQ 3.10 ends the connection on a cancel of one that it has not confirmed.
  if (!window.opened || window.cancelling) return SteadyTime::max();
  return window.may_come == 0 ? SteadyTime::min() : window.quiet_since + kQuietFor;
}

void Windows::Cancel(WindowId id, SteadyTime now, Orders& orders) {
  Window& window = windows_.at(id);
  // Why it is to end may have come with what is on its way to it.
  if (!std::exchange(window.doomed, true)) window.quiet_since = now;
  if (EndsAt(window) > now) return;
  window.cancelling = true;
  orders.cancels.push_back(id);
}

std::size_t Windows::MayCome() const {
  std::size_t sum = 0;
  for (const auto& [id, window] : windows_) sum += window.may_come;
  return sum;
}

Windows::Orders Windows::Balance(SteadyTime now) {
  Orders orders;
  const std::size_t may_come = MayCome();
  for (auto& [id, window] : windows_) {
    if (window.may_come != window.seen_may_come) window.quiet_since = now;
    window.seen_may_come = window.may_come;
    const bool too_many = may_come > credits_ && window.may_come > 0;
    const bool not_careful = careful_ && held_ > 0;
    if (window.doomed || too_many || not_careful || ending_) Cancel(id, now, orders);
  }
  std::size_t room = credits_ > may_come ? credits_ - may_come : 0;
  Release(room);
  if (!withheld_.empty() && withheld_.front().since + kWithheldFor <= now) {
    Cancel(At(withheld_.front().tag).window, now, orders);
    Release(room);
  }
  OrderAcks(orders);
  if (room > 0 && !ending_) OpenWindow(room, now, orders);
  return orders;
}

// An ack of an open window lets the broker send one more; one of a window that has ended does not.
void Windows::Release(std::size_t& room) {
  std::deque<Withheld> kept;
  for (const Withheld& withheld : withheld_) {
    const auto window = windows_.find(At(withheld.tag).window);
    const bool costs = window != windows_.end() && !window->second.cancelling;
    if (costs && (room == 0 || window->second.doomed)) {
      kept.push_back(withheld);
      continue;
    }
    if (costs) {
      --room;
      ++window->second.may_come;
    }
    released_.push_back(withheld.tag);
  }
  withheld_.swap(kept);
}

void Windows::OrderAcks(Orders& orders) {
  if (released_.empty()) return;
  for (const std::uint64_t tag : released_) At(tag).state = State::kOrdered;
  held_ -= released_.size();
  // One ack for the plain ones at the front, up to the first that is leased or goes back.
  const std::uint64_t from = first_;
  std::size_t plain = 0;
  std::size_t fresh = 0;
  std::sort(released_.begin(), released_.end());
  while (plain < slots_.size() && slots_[plain].state == State::kOrdered && !slots_[plain].requeue) ++plain;
  while (fresh < released_.size() && released_[fresh] < from + plain) ++fresh;
  if (fresh > 0) orders.acks.push_back(AckOrder{released_[fresh - 1], fresh > 1, false});
  for (std::size_t i = fresh; i < released_.size(); ++i) {
    orders.acks.push_back(AckOrder{released_[i], false, At(released_[i]).requeue});
  }
  released_.clear();
  while (!slots_.empty() && slots_.front().state == State::kOrdered) {
    slots_.pop_front();
    ++first_;
  }
}

void Windows::OpenWindow(std::size_t room, SteadyTime now, Orders& orders) {
  const bool ending =
      std::any_of(windows_.begin(), windows_.end(), [](const auto& entry) { return entry.second.cancelling; });
  if (careful_) {
    if (held_ > 0 || !windows_.empty()) return;
    room = 1;
  }
  if (held_max_ > 0) room = std::min(room, held_max_ - std::min(held_max_, held_ + MayCome()));
  if (room == 0) return;
  if (windows_.size() >= kWindowsMax) {
    if (ending) return;
    const auto least = std::min_element(windows_.begin(), windows_.end(), [](const auto& left, const auto& right) {
      return left.second.may_come < right.second.may_come;
    });
    Cancel(least->first, now, orders);
    return;
  }
  const auto prefetch =
      static_cast<std::uint16_t>(std::min<std::size_t>(room, std::numeric_limits<std::uint16_t>::max()));
  Window& window = windows_[++last_id_];
  window.may_come = window.seen_may_come = prefetch;
  window.quiet_since = now;
  orders.opens.push_back(OpenOrder{last_id_, prefetch});
}

SteadyTime Windows::deadline() const {
  SteadyTime at = SteadyTime::max();
  for (const auto& [id, window] : windows_) {
    if (window.doomed) at = std::min(at, EndsAt(window));
  }
  if (withheld_.empty()) return at;
  const auto window = windows_.find(slots_[withheld_.front().tag - first_].window);
  if (window == windows_.end() || window->second.doomed) return at;
  // It cannot be ended before it is open.
  if (!window->second.opened) return at;
  return std::min(at, withheld_.front().since + kWithheldFor);
}

std::vector<Windows::Unacked> Windows::unacked() const {
  std::vector<Unacked> all;
  for (const Slot& slot : slots_) {
    if (slot.state == State::kOrdered) continue;
    all.push_back(Unacked{slot.print, slot.next_loss, slot.state == State::kDone && !slot.requeue});
  }
  return all;
}

}  // namespace asya::transports::rabbitmq
