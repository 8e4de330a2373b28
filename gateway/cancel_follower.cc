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
  const auto canceled = parts_.tasks.CanceledSince(looked_at_ - kOverlap);
  if (!canceled.ok()) {
    if (!std::exchange(failing_, true)) {
      parts_.logger.Warning("what other servers cancel cannot be read; relays of this one go on with it",
                            {{"reason", canceled.error().message}});
    }
    return;
  }
  failing_ = false;
  looked_at_ = now;
  std::set<std::string> listed(canceled->begin(), canceled->end());
  for (const std::string& id : *canceled) {
    if (!told_.contains(id)) parts_.feed.Publish(id);
  }
  told_ = std::move(listed);
}

}  // namespace asya::gateway
