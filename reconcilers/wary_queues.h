// WaryQueues: the brokers, of which one that has let somebody wait in vain is not asked by everybody.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {

// All actors share a few workers, and one broker that drops what is sent to it would hold up each of them for as long
// as a connection may take. Thread safe.
class WaryQueues final : public QueueAdmins {
 public:
  // A failure that took less holds nobody up, and is not remembered.
  static constexpr std::chrono::milliseconds kSlow{1000};
  // How long after one that took more nobody asks the same kind of question; after that, one at a time does.
  static constexpr std::chrono::seconds kAvoided{5};

  // Both live longer.
  WaryQueues(QueueAdmins& inner, const Clock& clock);
  ~WaryQueues() override;
  WaryQueues(const WaryQueues&) = delete;
  WaryQueues& operator=(const WaryQueues&) = delete;

  // The same one for the same broker, as long as somebody holds it. kUnavailable of what is not asked, in the words of
  // the last failure.
  std::shared_ptr<ports::QueueAdmin> For(const json::Value& transport) override;
  void Forget(const std::string& transport) override { inner_.Forget(transport); }
  std::vector<ports::QueueAdmin*> All() override { return inner_.All(); }
  FoundQueues FindMissing(const std::vector<std::string>& queues) override { return inner_.FindMissing(queues); }

 private:
  struct Memory;
  class Admin;
  struct Entry {
    std::weak_ptr<ports::QueueAdmin> broker;  // another one may come to lie at the same place
    std::shared_ptr<Memory> memory;
    std::weak_ptr<Admin> admin;
  };

  QueueAdmins& inner_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<const ports::QueueAdmin*, Entry> entries_;
};

}  // namespace asya::reconcilers
