#include "gateway/cancel_follower.h"

#include <utility>
#include <vector>

namespace asya::gateway {

CancelFollower::CancelFollower(const Parts& parts, Periodic::Pause pause)
    : parts_(parts), pause_(pause), looked_at_(parts.clock.Now()), looks_([this] {
        Look();
        return pause_;
      }) {}

void CancelFollower::Look() {
  const WallTime now = parts_.clock.Now();
  const auto canceled = parts_.tasks.CanceledSince(looked_at_ - kOverlap, std::nullopt);
  if (!canceled.ok()) {
    if (!std::exchange(failing_, true)) {
      parts_.logger.Warning("what other servers cancel cannot be read; relays of this one go on with it",
                            {{"reason", canceled.error().message}});
    }
    return;
  }
  failing_ = false;
  looked_at_ = now;
  std::set<std::string> listed;
  for (const ports::CanceledTask& task : *canceled) {
    if (!told_.contains(task.id)) parts_.feed.Publish(task);
    listed.insert(task.id);
  }
  told_ = std::move(listed);
}

}  // namespace asya::gateway
