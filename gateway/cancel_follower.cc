#include "gateway/cancel_follower.h"

#include <utility>
#include <vector>

namespace asya::gateway {

CancelFollower::CancelFollower(const Parts& parts, Periodic::Pause pause)
    : parts_(parts), pause_(pause), looks_([this] {
        Look();
        return pause_;
      }) {}

void CancelFollower::Look() {
  const auto canceled = parts_.tasks.CanceledSince(parts_.clock.Now() - kOverlap);
  if (!canceled.ok()) {
    if (!std::exchange(failing_, true)) {
      parts_.logger.Warning("what other servers cancel cannot be read; relays of this one go on with it",
                            {{"reason", canceled.error().message}});
    }
    return;
  }
  failing_ = false;
  std::set<std::string> listed(canceled->begin(), canceled->end());
  for (const std::string& id : *canceled) {
    if (!told_.contains(id)) parts_.feed.Publish(id);
  }
  told_ = std::move(listed);
}

}  // namespace asya::gateway
