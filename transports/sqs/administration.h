// Administration: makes, changes, removes and measures queues on SQS, sends messages, and finds out where there is
// work.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/http/transfers.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"
#include "transports/sqs/calls.h"
#include "transports/sqs/mailbox.h"
#include "transports/sqs/outlets.h"

namespace asya::transports::sqs {

struct AdministrationSettings {
  ServiceSettings service;
  std::size_t message_bytes_max = 256U * 1024;  // MaximumMessageSize of the queues
  std::chrono::seconds visibility{60};          // VisibilityTimeout of the queues; each receive says its own
  Texts tags;                                   // beside ours
  std::chrono::milliseconds ask_limit{30'000};  // for one question, all attempts counted
  std::chrono::milliseconds hint_poll{2'000};   // between two looks at each queue, while anybody wants hints
};

constexpr std::size_t kAdminConnectionsMax = 8;
inline constexpr const char* kOwnerTag = "asya.sh/owner";

// A queue is ours by the tag asya.sh/owner. Not told by SQS, and 0 in QueueStats: the age of the oldest and the totals;
// what waits for its retry for longer than 900 s counts as in flight. Counts are approximate and may lag by a minute.
// Methods block; from any thread.
class Administration final : public ports::QueueAdmin, public ports::Publisher {
 public:
  Administration(const AdministrationSettings& settings, const Clock& clock);
  ~Administration() override;

  void Start();
  void Stop();

  // Attributes and tags that differ are set again. kConflict also for a queue without an owner's tag.
  Status Ensure(const ports::QueueSpec& spec) override;
  Status Remove(const std::string& name, bool force) override;
  Result<ports::QueueStats> Stats(const std::string& name) override;
  // All queues of the region whose name begins with "asya-".
  Result<std::vector<std::string>> List() override;
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string& queue)> on_work) override;
  // kTimeout: the outcome is unknown.
  Status Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout) override;
  // The largest body that the queues take, as far as the settings say.
  [[nodiscard]] std::size_t MessageLimitBytes() const { return settings_.message_bytes_max - kAttributesBytesMax; }

 private:
  // Blocking halves, for callers' threads.
  Result<std::string> Ask(Action action, std::string body);
  Result<std::string> UrlOf(const std::string& queue);
  Result<Texts> AttributesOf(const std::string& url);
  Status Create(const ports::QueueSpec& spec);
  Status Mend(const std::string& url, const ports::QueueSpec& spec);
  [[nodiscard]] Texts Attributes() const;
  [[nodiscard]] Texts Tags(const ports::QueueSpec& spec) const;
  // The thread.
  void Work();
  void Look();
  void Looked(const std::string& queue, const Result<std::string>& answer);
  [[nodiscard]] bool WantsHints();
  void Hint(const std::string& queue);

  const AdministrationSettings settings_;
  const Clock& clock_;
  Random random_;
  http::Transfers transfers_{kAdminConnectionsMax};
  Mailbox mailbox_{transfers_};
  std::thread thread_;

  // Of the thread alone.
  Calls calls_;
  Outlets outlets_;
  SteadyTime look_at_{};
  std::size_t looking_ = 0;  // questions of a look that are not answered
  bool stopping_ = false;

  std::recursive_mutex mutex_;                 // of what follows
  std::map<std::string, std::string> queues_;  // made or found here, and their URLs
  bool running_ = false;
  std::list<std::function<void(const std::string&)>> subscribers_;
};

}  // namespace asya::transports::sqs
