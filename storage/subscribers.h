// Subscribers: who wants a hint when a task of a store changed.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "ports/task_store.h"

namespace asya::storage {

class Subscribers {
 public:
  using OnChange = std::function<void(const ports::TaskChange& change)>;

  // Ends when the returned object is destroyed, which waits for a call under way, unless it comes from within that
  // call.
  [[nodiscard]] std::shared_ptr<void> Add(OnChange on_change);
  // Calls every subscriber once for each change.
  void Notify(const std::vector<ports::TaskChange>& changes) const;

 private:
  struct Entry {
    std::recursive_mutex mutex;  // held during a call; recursive, so that a subscriber may end itself
    bool active = true;
    OnChange on_change;
  };
  struct State {
    std::mutex mutex;
    std::list<std::shared_ptr<Entry>> entries;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();  // shared with handles, which may outlive this
};

}  // namespace asya::storage
