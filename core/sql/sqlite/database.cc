#include "core/sql/sqlite/database.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "core/sql/sqlite/connection.h"
#include "core/sql/sqlite/lock_file.h"
#include "core/sql/sqlite/migrate.h"
#include "core/sql/sqlite/readers.h"
#include "core/sql/sqlite/writer.h"

namespace asya::sql::sqlite {
namespace {

constexpr std::int64_t kWalKeptBytesMax = 16 * 1024 * 1024;  // the WAL file shrinks to this after a burst

class OwnReader final : public Reader {
 public:
  explicit OwnReader(const Settings& settings)
      : connection_(settings.path, 1, settings.reader_cache_kib, settings.busy_timeout) {}
  Status Read(const Database::Job& job) override { return connection_.Read(job); }

 private:
  Readers connection_;
};

class FileDatabase final : public Database {
 public:
  FileDatabase(const Settings& settings, LockFile lock, std::unique_ptr<Connection> connection)
      : lock_(std::move(lock)),
        writer_(std::move(connection), settings.write_queue_limit, settings.batch_limit, settings.metrics),
        settings_(settings),
        readers_(settings.path, settings.readers, settings.reader_cache_kib, settings.busy_timeout) {}
  ~FileDatabase() override { FileDatabase::Stop(); }

  void Start() { writer_.Start(); }

  Status Submit(Job job, Done done) override { return writer_.Submit(std::move(job), std::move(done)); }
  Status Write(const Job& job) override;
  Status Read(const Job& job) override { return readers_.Read(job); }
  std::unique_ptr<Reader> NewReader() override { return std::make_unique<OwnReader>(settings_); }
  void OnCommit(std::function<void()> hook) override { writer_.OnCommit(std::move(hook)); }

  void Stop() override {
    // Readers first: the last connection to close is then the writer, which can empty the WAL.
    readers_.Stop();
    writer_.Stop();
    lock_.Release();
  }

 private:
  LockFile lock_;
  Writer writer_;
  const Settings settings_;
  Readers readers_;
};

Status FileDatabase::Write(const Job& job) {
  ASYA_CHECK(!writer_.OnWriterThread());
  std::mutex mutex;
  std::condition_variable finished;
  std::optional<Status> outcome;
  auto done = [&](const Status& status) {
    // Notified under the lock: these variables end with the caller's frame.
    const std::lock_guard lock(mutex);
    outcome = status;
    finished.notify_one();
  };
  ASYA_TRY_STATUS(writer_.SubmitWaiting(job, done));
  std::unique_lock lock(mutex);
  finished.wait(lock, [&] { return outcome.has_value(); });
  return *outcome;
}

Status Configure(Connection& connection, const Settings& settings) {
  ASYA_TRY_STATUS(connection.Execute("PRAGMA busy_timeout=" + std::to_string(settings.busy_timeout.count())));
  ASYA_TRY(const std::string mode, connection.Scalar("PRAGMA journal_mode=WAL"));
  if (mode != "wal") {
    return Fail(ErrorCode::kUnavailable,
                settings.path + ": the file system does not support SQLite's WAL (got " + mode + ")");
  }
  // Foreign keys are not enforced: each row that refers to another would cost a search for it when it is written. Who
  // deletes a row deletes what belongs to it.
  return connection.Execute(std::string("PRAGMA synchronous=") + (settings.synchronous_full ? "FULL" : "NORMAL") +
                            "; PRAGMA foreign_keys=OFF; PRAGMA trusted_schema=OFF; PRAGMA cache_size=-" +
                            std::to_string(settings.writer_cache_kib) +
                            "; PRAGMA wal_autocheckpoint=" + std::to_string(settings.checkpoint_pages) +
                            "; PRAGMA journal_size_limit=" + std::to_string(kWalKeptBytesMax));
}

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const Settings& settings, const std::vector<Migration>& migrations) {
  ASYA_TRY(LockFile lock, LockFile::Take(settings.path));
  ASYA_TRY(auto connection, Connection::Open(settings.path, Connection::Mode::kWrite));
  // Reads the header and the schema: what is no database or is cut short is found here, before anything is written.
  ASYA_TRY(const std::string tables, connection->Scalar("SELECT count(*) FROM sqlite_schema"));
  static_cast<void>(tables);
  ASYA_TRY_STATUS(Configure(*connection, settings));
  ASYA_TRY_STATUS(Migrate(*connection, migrations));
  auto database = std::make_unique<FileDatabase>(settings, std::move(lock), std::move(connection));
  database->Start();
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace asya::sql::sqlite
