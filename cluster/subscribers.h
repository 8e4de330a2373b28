// Subscribers: functions to call on a change, each until the object that stands for its subscription is destroyed.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace asya::cluster {

// Thread safe. No call comes after a subscription's object is destroyed.
class Subscribers {
 public:
  using Function = std::function<void(const std::string&)>;
  [[nodiscard]] std::shared_ptr<void> Add(Function function) {
    auto entry = std::make_shared<Entry>();
    entry->function = std::move(function);
    const std::lock_guard lock(mutex_);
    entries_.push_back(entry);
    return std::shared_ptr<void>(entry.get(), [entry](void*) {
      const std::lock_guard guard(entry->mutex);
      entry->function = nullptr;
    });
  }
  void Call(const std::string& argument) {
    std::vector<std::shared_ptr<Entry>> entries;
    {
      const std::lock_guard lock(mutex_);
      std::erase_if(entries_, [](const auto& entry) {
        const std::lock_guard guard(entry->mutex);
        return entry->function == nullptr;
      });
      entries = entries_;
    }
    for (const auto& entry : entries) {
      const std::lock_guard guard(entry->mutex);
      if (entry->function) entry->function(argument);
    }
  }

 private:
  struct Entry {
    std::mutex mutex;
    Function function;
  };
  std::mutex mutex_;
  std::vector<std::shared_ptr<Entry>> entries_;
};

}  // namespace asya::cluster
