// Consumer: a relay's end of a queue in PostgreSQL; what waits is written in one transaction, and it reconnects for
// ever.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/sql/postgres/database.h"
#include "core/sql/postgres/listener.h"
#include "ports/message_queue.h"
#include "transports/postgres/settle_batch.h"
#include "transports/postgres/tables.h"

namespace asya::transports::postgres {

struct ConsumerSettings {
  sql::postgres::Settings database;
  std::string queue;
  // A lease is prolonged at a third of this. A consumer that dies without a word keeps its messages for as long, if
  // none is started in its place.
  std::chrono::milliseconds lease{30'000};
  std::chrono::milliseconds reconnect_min{50};  // doubles with each try, plus or minus a half
  std::chrono::milliseconds reconnect_max{2000};
  std::chrono::milliseconds poll{5000};  // looks for messages at least this often: a hint may be lost
  // Where a consumer that is started when this one has died, and never while it lives, finds whose leases to end.
  // Empty: nowhere.
  std::string owners_file{};
};

constexpr std::int64_t kTakenMax = 512;  // new leases of one transaction

class Consumer final : public ports::MessageQueue {
 public:
  Consumer(const ConsumerSettings& settings, const Clock& clock, Random& random);
  ~Consumer() override;

  void Start(ports::ConsumerEvents& events) override;
  void Grant(std::size_t count) override;
  void RevokeCredits() override;
  void Begin(ports::DeliveryTag tag, std::int64_t crash_count) override;
  void Settle(std::shared_ptr<const ports::Settlement> settlement) override;
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return kMessageBytesMax; }
  void Stop(std::chrono::milliseconds grace) override;
  // Goes on as a new consumer without a word about the old one's leases, as its sudden death and restart would.
  void Abandon();

 private:
  struct Answer {
    enum class Kind { kStarted, kSettled };
    Kind kind = Kind::kStarted;
    ports::DeliveryTag tag;
    Status status = Ok();
  };
  struct Lease {
    Leased leased;
    bool settling = false;
  };

  void Work();
  void Connect();
  Status FindQueue();
  void NameOwner();
  void TellInherited();
  void TellDeliveries(std::vector<Taken> taken, bool inherited);
  void Lose(const std::string& reason);
  void TellConnection(bool connected, const std::string& reason);
  void TellAnswers();
  // What waits, or nothing.
  std::optional<Batch> TakeBatch();
  void RunOne(const Batch& batch);
  // Nothing of the batch happened, though the connection is there. False: there was only one thing in it.
  bool RunInParts(const Batch& batch, const Status& refused);
  void Apply(const Batch& batch, BatchOutcome outcome);
  void MeasureTaken(const std::vector<Taken>& taken);
  void WaitForWork();
  [[nodiscard]] bool MayEnd();
  void ReleaseAll();
  [[nodiscard]] static Status LeaseLost() { return Fail(ErrorCode::kConflict, "the lease was lost"); }

  const ConsumerSettings settings_;
  const Clock& clock_;
  Random& random_;
  ports::ConsumerEvents* events_ = nullptr;
  std::thread thread_;
  std::unique_ptr<sql::postgres::Listener> listener_;

  // Of the thread alone.
  std::unique_ptr<sql::postgres::Database> database_;
  std::int64_t owner_ = 0;
  std::int64_t next_owner_ = 0;                      // the same at each try: a commit may have been cut off
  std::vector<std::int64_t> former_;                 // owners, of processes before this one
  std::vector<std::int64_t> inherited_;              // rows that the connection before had on lease
  std::map<std::int64_t, std::int64_t> was_leased_;  // before the loss: row -> crash count before its call began here
  std::int64_t queue_id_ = 0;
  bool connected_ = false;
  std::optional<std::string> told_;
  SteadyTime connect_at_{};
  int failures_ = 0;
  std::int64_t take_max_ = kTakenMax;
  SteadyTime keep_at_{};
  SteadyTime look_at_{};  // when there may be messages without a hint

  // Shared with the callers and the listener.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  std::size_t credits_ = 0;
  bool look_ = false;   // there may be messages now
  bool check_ = false;  // the queue was made or removed
  std::vector<std::pair<Leased, std::shared_ptr<const ports::Settlement>>> settlements_;
  std::vector<Batch::Begin> begins_;
  std::map<ports::DeliveryTag, Lease> leases_;
  std::vector<Answer> answers_;
  std::uint64_t last_tag_ = 0;
  bool abandon_ = false;
  bool stopping_ = false;
  SteadyTime stop_by_{};
};

}  // namespace asya::transports::postgres
