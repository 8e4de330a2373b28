// Writer: the one thread that writes; jobs that wait together share a commit.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/sql/sqlite/connection.h"
#include "core/sql/sqlite/database.h"
#include "core/sql/sqlite/writer_metrics.h"

namespace asya::sql::sqlite {

class Writer {
 public:
  Writer(std::unique_ptr<Connection> connection, std::size_t queue_limit, std::size_t batch_limit,
         observe::Metrics* metrics = nullptr);
  ~Writer();

  void Start();
  // Refuses new jobs, finishes the waiting ones, joins, moves the WAL into the file, closes. Idempotent.
  void Stop();
  // Before the first Submit.
  void OnCommit(std::function<void()> hook) { on_commit_ = std::move(hook); }
  Status Submit(Database::Job job, Database::Done done);
  // As Submit, but waits for room in the queue.
  Status SubmitWaiting(Database::Job job, Database::Done done);
  [[nodiscard]] bool OnWriterThread() const { return std::this_thread::get_id() == own_thread_.load(); }

 private:
  struct Item {
    Database::Job job;
    Database::Done done;
    Status status = Ok();
    std::vector<std::function<void()>> after_commit = {};
  };

  void Work();
  // Whether the thread has to hear of what has just come; under the lock.
  [[nodiscard]] bool MustWake() const;
  void RunBatch(std::vector<Item>& batch);
  // False: nothing is written, since a job failed half done among others.
  bool RunTogether(std::vector<Item>& batch);
  void RunApart(std::vector<Item>& batch);
  bool Begin(std::vector<Item>& batch);
  void Commit(std::vector<Item>& batch);
  void TellCommitted(std::vector<Item>& batch);
  // True: the job has written nothing.
  bool RunJob(Item& item);
  // False: SQLite rolled everything back by itself; the batch is over.
  bool RunInSavepoint(Item& item);
  // `executed`: the job ran SQL whose changes SQLite does not count.
  Status Protected(Item& item, bool& executed);
  void FailAll(std::vector<Item>& batch, const Error& error);

  std::unique_ptr<Connection> connection_;
  const std::size_t queue_limit_;
  const std::size_t batch_limit_;
  const WriterMetrics metrics_;
  std::function<void()> on_commit_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable room_;
  std::deque<Item> waiting_;
  bool running_ = false;
  bool gathering_ = false;           // the thread wakes by itself, in a moment
  std::int64_t changes_before_ = 0;  // of the batch
  std::uint64_t undone_ = 0;         // how often something was rolled back
  std::atomic<std::thread::id> own_thread_{};
  std::thread thread_;
};

}  // namespace asya::sql::sqlite
