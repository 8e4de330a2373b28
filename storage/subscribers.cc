#include "storage/subscribers.h"

#include <utility>

namespace asya::storage {

std::shared_ptr<void> Subscribers::Add(OnChange on_change) {
  const auto entry = std::make_shared<Entry>();
  entry->on_change = std::move(on_change);
  {
    const std::lock_guard lock(state_->mutex);
    state_->entries.push_back(entry);
  }
  return std::shared_ptr<void>(entry.get(), [state = state_, entry](void*) {
    {
      const std::lock_guard lock(state->mutex);
      state->entries.remove(entry);
    }
    const std::lock_guard lock(entry->mutex);
    entry->active = false;
  });
}

void Subscribers::Notify(const std::vector<ports::TaskChange>& changes) const {
  std::vector<std::shared_ptr<Entry>> entries;
  {
    const std::lock_guard lock(state_->mutex);
    entries.assign(state_->entries.begin(), state_->entries.end());
  }
  for (const auto& entry : entries) {
    for (const auto& change : changes) {
      const std::lock_guard lock(entry->mutex);
      if (entry->active) entry->on_change(change);
    }
  }
}

}  // namespace asya::storage
