#include "transports/rabbitmq/windows.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace asya::transports::rabbitmq {

void Windows::OnDelivered(WindowId id, std::uint64_t tag, std::uint64_t print) {
  if (slots_.empty()) first_ = tag;
  slots_.push_back(Slot{id, print, State::kLeased, false});
  ++held_;
  if (credits_ > 0) --credits_;
  const auto found = windows_.find(id);
  if (found != windows_.end() && found->second.may_come > 0) --found->second.may_come;
}

void Windows::OnOpened(WindowId id) {
  const auto found = windows_.find(id);
  if (found != windows_.end()) found->second.opened = true;
}

void Windows::OnCancelled(WindowId id) { windows_.erase(id); }

void Windows::Done(std::uint64_t tag, bool requeue, SteadyTime now) {
  Slot& slot = At(tag);
  slot.state = State::kDone;
  slot.requeue = requeue;
  withheld_.push_back(Withheld{tag, now});
}

void Windows::Cancel(WindowId id, Orders& orders) {
  Window& window = windows_.at(id);
  if (!window.opened || std::exchange(window.cancelling, true)) return;
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
    const bool too_many = may_come > credits_ && window.may_come > 0;
    const bool not_careful = careful_ && held_ > 0;
    if (too_many || not_careful || ending_) Cancel(id, orders);
  }
  std::size_t room = credits_ > may_come ? credits_ - may_come : 0;
  Release(room);
  if (deadline() <= now) {
    Cancel(At(withheld_.front().tag).window, orders);
    Release(room);
  }
  OrderAcks(orders);
  if (room > 0 && !ending_) OpenWindow(room, orders);
  return orders;
}

// An ack of an open window lets the broker send one more; one of a window that has ended does not.
void Windows::Release(std::size_t& room) {
  std::deque<Withheld> kept;
  for (const Withheld& withheld : withheld_) {
    const auto window = windows_.find(At(withheld.tag).window);
    const bool costs = window != windows_.end() && !window->second.cancelling;
    if (costs && room == 0) {
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

void Windows::OpenWindow(std::size_t room, Orders& orders) {
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
    Cancel(least->first, orders);
    return;
  }
  const auto prefetch =
      static_cast<std::uint16_t>(std::min<std::size_t>(room, std::numeric_limits<std::uint16_t>::max()));
  windows_[++last_id_].may_come = prefetch;
  orders.opens.push_back(OpenOrder{last_id_, prefetch});
}

SteadyTime Windows::deadline() const {
  if (withheld_.empty()) return SteadyTime::max();
  const auto window = windows_.find(slots_[withheld_.front().tag - first_].window);
  // It cannot be ended before it is open.
  if (window != windows_.end() && !window->second.opened) return SteadyTime::max();
  return withheld_.front().since + kWithheldFor;
}

std::vector<Windows::Unacked> Windows::unacked() const {
  std::vector<Unacked> all;
  for (const Slot& slot : slots_) {
    if (slot.state != State::kOrdered) all.push_back(Unacked{slot.print, slot.state == State::kDone && !slot.requeue});
  }
  return all;
}

}  // namespace asya::transports::rabbitmq
