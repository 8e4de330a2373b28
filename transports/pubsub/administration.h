// Administration: makes, removes and measures queues on Pub/Sub, sends messages, and finds out where there is work.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"
#include "transports/net/loop.h"
#include "transports/pubsub/access.h"
#include "transports/pubsub/channel.h"
#include "transports/pubsub/depths.h"
#include "transports/pubsub/messages.h"
#include "transports/pubsub/publishing.h"

namespace asya::transports::pubsub {

// Where Pub/Sub puts what was delivered too often; nothing empties it.
constexpr const char* kLost = "asya-lost";
constexpr int kDeliveryAttemptsMax = 100;  // the most that Pub/Sub allows; with none it would not count deliveries
constexpr std::int64_t kRetentionS = std::int64_t{7} * 24 * 3600;

struct AdministrationSettings {
  PubsubAddress address;
  std::string ca_pem;  // trusted certificates; empty: the system's
  std::shared_ptr<Access> access = std::make_shared<NoAccess>();
  int ack_deadline_s = 300;
  std::int64_t retention_s = kRetentionS;
  std::size_t message_bytes_max = kBodyBytesMax;
  std::chrono::milliseconds ask_limit{30'000};   // for one answer of the server
  std::chrono::milliseconds look_pause{30'000};  // between two looks into a queue that seems empty and unwatched
};

// Depths come from what relays and this server tell (see Depths); a queue that a process died over may be told wrong
// for some seconds. Methods block; from any thread.
class Administration final : public ports::QueueAdmin, public ports::Publisher {
 public:
  Administration(const AdministrationSettings& settings, const Clock& clock);
  ~Administration() override;

  void Start();
  void Stop();

  // Changes what differs from the settings but the owner, which is kConflict; never drops a queue.
  Status Ensure(const ports::QueueSpec& spec) override;
  Status Remove(const std::string& name, bool force) override;
  Result<ports::QueueStats> Stats(const std::string& name) override;
  Result<std::vector<std::string>> List() override;
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string& queue)> on_work) override;
  // kTimeout: the outcome is unknown.
  Status Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout) override;
  // The largest body that the queues take, as far as the settings say.
  [[nodiscard]] std::size_t MessageLimitBytes() const { return settings_.message_bytes_max; }

 private:
  using Job = std::function<void(const Status& connected)>;

  // Blocking halves.
  Result<std::string> Ask(const char* method, const std::string& request);
  Status AskToMake(const char* method, const std::string& request);
  Status MakeSharedOnce();
  Status Adopt(const Subscription& wanted);
  Result<bool> HoldsSomething(const std::string& queue);
  Subscription Wanted(const std::string& queue) const;
  // The thread.
  void Work();
  void Connect();
  void Drive();
  void OpenLedger();
  void ReadLedger();
  void ReportsCame(const Result<std::string>& answer);
  void Acknowledge(const std::string& queue, const std::vector<std::string>& ack_ids);
  void LookIntoQueues();
  void Looked(const std::string& queue, const Result<std::string>& answer);
  void Lose(const Error& error);
  void Wait();
  void Tell(const std::set<std::string>& queues);

  const AdministrationSettings settings_;
  const std::string ledger_;  // our own subscription to the reports
  const Clock& clock_;
  net::Loop loop_;
  std::thread thread_;
  Depths depths_;

  std::mutex mutex_;
  bool shared_made_ = false;
  std::set<std::string> queues_;
  std::list<std::function<void(const std::string&)>> subscribers_;

  // All below is of the thread alone.
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Publishing> publishing_;
  std::vector<Job> waiting_;  // for the connection; each of a caller who waits
  std::optional<Error> broken_;
  bool ready_ = false;
  bool readable_ = false;
  bool stopping_ = false;
  enum class Ledger { kAbsent, kOpening, kOpen };
  Ledger ledger_state_ = Ledger::kAbsent;
  std::size_t ledger_pulls_ = 0;
  SteadyTime pull_at_{};
  SteadyTime connect_at_{};
  SteadyTime look_at_{};
  std::optional<WallTime> due_at_;
};

}  // namespace asya::transports::pubsub
