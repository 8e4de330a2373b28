#include "core/sql/postgres/cutter.h"

#include <sys/socket.h>

#include <algorithm>

namespace asya::sql::postgres {

// Never destroyed, and its thread ends with the process: connections of other threads may outlive main.
Cutter& Cutter::OfProcess() {
  static Cutter& cutter = *new Cutter;
  return cutter;
}

Cutter::Cutter() : thread_([this] { Work(); }) {}

std::uint64_t Cutter::Add(int socket, std::chrono::milliseconds limit) {
  const SteadyTime deadline = RealClock().Steady() + limit;
  const std::lock_guard lock(mutex_);
  entries_.emplace(++last_id_, Entry{socket, deadline, false});
  // Almost always there is an earlier one, whose time passes without a cut: no wake for each call.
  if (deadline < wakes_at_) changed_.notify_one();
  return last_id_;
}

void Cutter::Remove(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  entries_.erase(id);
}

bool Cutter::IsCut(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  return entries_.at(id).cut;
}

void Cutter::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const SteadyTime now = RealClock().Steady();
    wakes_at_ = SteadyTime::max();
    for (auto& [id, entry] : entries_) {
      if (entry.deadline <= now) {
        ::shutdown(entry.socket, SHUT_RDWR);
        entry.deadline = SteadyTime::max();
        entry.cut = true;
      }
      wakes_at_ = std::min(wakes_at_, entry.deadline);
    }
    if (wakes_at_ == SteadyTime::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, wakes_at_ - now);
    }
  }
}

Cutter::Watch::Watch(int socket, std::chrono::milliseconds limit) : id_(OfProcess().Add(socket, limit)) {}

Cutter::Watch::~Watch() { OfProcess().Remove(id_); }

bool Cutter::Watch::cut() const { return OfProcess().IsCut(id_); }

}  // namespace asya::sql::postgres
