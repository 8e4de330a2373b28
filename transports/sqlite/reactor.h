// Reactor: the broker's one thread: it listens, leases messages to its peers (connections, and consumers within this
// process), and tells them what became of their settlements.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/sql/sqlite/database.h"
#include "transports/sqlite/backlog.h"
#include "transports/sqlite/broker_metrics.h"
#include "transports/sqlite/broker_settings.h"
#include "transports/sqlite/changes.h"
#include "transports/sqlite/mailbox.h"
#include "transports/sqlite/socket_peer.h"

namespace asya::transports::sqlite {

constexpr std::size_t kSessionsMax = 4096;
constexpr std::size_t kCreditsMax = 65'536;           // of one peer
constexpr std::size_t kUnsentBytesMax = 1024 * 1024;  // of one peer; nothing more is leased to it then
constexpr std::size_t kChangeBytesMax =
    32 * 1024 * 1024;                                  // settlements not yet durable; nothing is read from anybody then
constexpr std::chrono::milliseconds kDiskRetry{1000};  // between two tries to write to a full disk
constexpr std::chrono::milliseconds kReadRetry{1000};  // between two tries to read a file that cannot be read
constexpr std::chrono::milliseconds kAcceptRetry{200};  // when there is no descriptor or memory for a connection
constexpr std::chrono::milliseconds kSubmitRetry{10};   // when the writer's queue is full
constexpr std::chrono::seconds kStopGrace{5};

class Reactor {
 public:
  Reactor(sql::sqlite::Database& database, std::shared_ptr<Ledger> ledger, std::shared_ptr<Mailbox> mailbox,
          BrokerSettings settings, const Clock& clock);
  ~Reactor();

  Status Start(const std::vector<StoredQueue>& queues);
  // Writes what waits, closes all connections, joins. Idempotent.
  void Stop();

  // On the reactor's thread, from letters.
  void OnQueueMade(QueueId id, const std::string& name);
  void OnQueueRemoved(QueueId id);
  void OnArrival(const Placed& placed, std::string body);
  Result<ports::QueueStats> Stats(const std::string& name);
  // Of at most `limit` queues: first those that hold messages.
  std::vector<std::pair<std::string, ports::QueueStats>> AllStats(std::size_t limit);
  // What a peer says. The session of one in this process lasts until it leaves.
  struct Session;
  Session& Join(const std::string& queue, std::shared_ptr<Peer> peer);
  void Grant(Session& session, std::size_t count);
  static void Revoke(Session& session);
  // False: the lease was lost.
  bool Begin(Session& session, std::uint64_t tag, std::int64_t crash_count);
  void Settle(Session& session, ports::Settlement settlement);
  void Leave(Session& session) { Close(session); }

  // From any thread.
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> on_work);

 private:
  struct Queue;
  struct LeaseOf {
    MessageId message;
    std::int64_t since_us = 0;
    std::int64_t crash_count_before = 0;
    std::int64_t crash_count = 0;
    bool settling = false;
  };
  struct Queue {
    QueueId id;
    std::string name;
    Backlog backlog;
    std::deque<Session*> sessions;  // the front is served next
    std::int64_t scheduled_us = 0;  // its entry in due_
    std::int64_t arrived_total = 0;
    std::int64_t settled_total = 0;
    bool touched = false;
    bool hinted = false;
    Queue(const StoredQueue& stored, std::size_t& fresh_bytes)
        : id(stored.id), name(stored.name), backlog(stored, fresh_bytes) {}
  };
  using Subscribers = std::list<std::function<void(const std::string&)>>;

  // reactor.cc: the loop.
  void Loop();
  [[nodiscard]] int TimeoutMs();
  void BeginStop();
  [[nodiscard]] std::int64_t NowUs();
  [[nodiscard]] bool Finished();
  void Submit();
  void TellHints();
  void SendAll();
  void WatchListener(std::uint32_t events);

  // sessions.cc: connections and their frames.
  void Accept();
  void ReceiveFrom(Session& session);
  Status OnFrame(Session& session, FrameType type, std::string_view content);
  Status OnHello(Session& session, FrameReader frame);
  Status OnBegin(Session& session, FrameReader frame);
  void Enter(Session& session, const std::string& queue_name);
  void GiveBack(Session& session, std::uint64_t tag, std::int64_t known_crashes);
  void Attach(Session& session, Queue& queue);
  void Close(Session& session);
  void SweepSilent();
  void Poll(Session& session);

  // outcomes.cc: what the writer did.
  void Hand(Change change);
  void OnOutcome(std::vector<Change> batch, const Status& status);
  void Finish(Change& change, const Status& status);
  void Succeed(Change& change, Queue* queue);
  void NoteCrashCount(QueueId queue, MessageId message, std::int64_t value);
  void WriteCrashCounts(std::int64_t until_us);

  // serve.cc: from backlogs to connections.
  [[nodiscard]] ports::QueueStats KnownStats(const Queue& queue, std::int64_t now_us) const;
  void Touch(Queue& queue);
  void Hint(Queue& queue);
  void ServeTouched();
  enum class Served { kAll, kNeedsFile };
  Status Serve(Queue& queue);
  Result<Served> ServeFrom(Queue& queue, sql::sqlite::Transaction* transaction);
  Status Deliver(Queue& queue, Session& session, sql::sqlite::Transaction* transaction);
  [[nodiscard]] Session* NextWithRoom(Queue& queue);
  void Schedule(Queue& queue);
  void ScheduleAt(Queue& queue, std::int64_t next_us);  // 0: not by time

  sql::sqlite::Database& database_;
  std::shared_ptr<Ledger> ledger_;
  std::shared_ptr<Mailbox> mailbox_;
  std::shared_ptr<Changes> changes_;
  const BrokerSettings settings_;
  const BrokerMetrics metrics_;
  const Clock& clock_;
  std::unique_ptr<sql::sqlite::Reader> reader_;
  UniqueFd listener_;
  UniqueFd epoll_;
  std::unordered_map<QueueId, std::unique_ptr<Queue>> queues_;
  std::unordered_map<std::string, Queue*> queues_by_name_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  std::uint64_t last_session_ = 1;  // 0 and 1 name the listener and the mailbox in epoll
  std::vector<Queue*> touched_;
  std::vector<Queue*> hinted_;
  std::set<std::pair<std::int64_t, QueueId>> due_;
  struct CrashCount {
    QueueId queue;
    std::int64_t value = 0;
    std::int64_t write_at_us = 0;
  };
  std::unordered_map<MessageId, CrashCount> crash_counts_;             // not yet handed to the writer
  std::deque<std::pair<std::int64_t, MessageId>> crash_counts_order_;  // may name some that are written or needless
  std::int64_t retry_at_us_ = 0;                                       // 0: nothing to try again
  std::int64_t accept_at_us_ = 0;                                      // 0: the listener is watched
  SteadyTime sweep_at_{};
  std::size_t fresh_bytes_ = 0;
  std::size_t change_bytes_ = 0;
  std::size_t changes_under_way_ = 0;
  bool reading_paused_ = false;
  std::int64_t last_now_us_ = 0;
  SteadyTime last_now_steady_{};
  bool stopping_ = false;
  SteadyTime stop_by_{};
  std::recursive_mutex subscribers_mutex_;
  Subscribers subscribers_;
  std::thread thread_;
};

struct Reactor::Session {
  std::uint64_t id = 0;
  std::shared_ptr<Peer> peer;
  SocketPeer* socket = nullptr;  // the same; null of this process's own
  std::string queue_name;        // empty until it said hello
  Queue* queue = nullptr;        // null until its queue exists
  std::size_t credits = 0;
  std::uint64_t last_tag = 0;
  std::map<std::uint64_t, LeaseOf> leases;
  SteadyTime heard_at{};
  std::uint32_t polled = 0;  // epoll events asked for
};

}  // namespace asya::transports::sqlite
