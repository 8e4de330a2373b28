#include "core/sql/postgres/database.h"

#include <exception>
#include <utility>

#include "core/sql/postgres/address.h"
#include "core/sql/postgres/cutter.h"
#include "core/sql/postgres/migrate.h"
#include "core/sql/postgres/pool.h"

namespace asya::sql::postgres {
namespace {

constexpr int kRunsMax = 4;  // of one job, while deadlocks end it

using WriteTransaction = pqxx::transaction<pqxx::read_committed>;
using ReadTransaction = pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>;

struct Outcome {
  Status status = Ok();
  Failure failure = Failure::kNone;
  bool begun = false;
};

Error NoAnswer(std::chrono::milliseconds limit) {
  return Fail(ErrorCode::kUnavailable, "PostgreSQL did not answer within " + std::to_string(limit.count()) + " ms");
}

template <class Kind>
Outcome RunOnce(Connection& connection, std::chrono::milliseconds limit, const Database::Job& job) {
  bool begun = false;
  const Cutter::Watch watch(connection.session().sock(), limit);
  try {
    Kind work(connection.session());
    Transaction transaction(connection, &work);
    Status status = job(transaction);
    begun = transaction.begun();
    if (watch.cut()) return Outcome{NoAnswer(limit), Failure::kLost, true};
    if (!status.ok()) return Outcome{status, transaction.failure(), begun};
    if (transaction.failure() != Failure::kNone) {
      return Outcome{Fail(ErrorCode::kInternal, "a job went on after a failed statement"), transaction.failure(), true};
    }
    work.commit();
    return Outcome{};
  } catch (const std::exception& failure) {  // of BEGIN, of COMMIT, or of the job itself
    return Outcome{TranslateError(failure), FailureOf(failure), begun};
  }
}

class PooledDatabase final : public Database {
 public:
  explicit PooledDatabase(const Settings& settings) : settings_(settings), pool_(settings) {}

  Status Write(const Job& job) override { return Run<WriteTransaction>(job, settings_.hide_loss); }
  Status Read(const Job& job) override { return Run<ReadTransaction>(job, settings_.hide_loss); }
  Result<Rows> Query(const char* sql, const Parameters& parameters) override {
    return RunAlone(sql, parameters, settings_.hide_loss);
  }
  Result<Rows> Call(const char* sql, const Parameters& parameters) override { return RunAlone(sql, parameters, false); }
  [[nodiscard]] const Settings& settings() const override { return settings_; }
  // Whether it can be reached.
  Status Reach() {
    ASYA_TRY(const auto lease, pool_.Borrow());
    static_cast<void>(lease);
    return Ok();
  }

 private:
  Result<Rows> RunAlone(const char* sql, const Parameters& parameters, bool hide_loss) {
    Rows rows;
    const auto job = [&](Transaction& statement) -> Status {
      ASYA_TRY(rows, statement.Execute(sql, parameters));
      return Ok();
    };
    ASYA_TRY_STATUS(Run<pqxx::nontransaction>(job, hide_loss));
    return rows;
  }

  template <class Kind>
  Status Run(const Job& job, bool hide_loss) {
    for (int run = 1;; ++run) {
      ASYA_TRY(auto lease, pool_.Borrow());
      Outcome outcome = RunOnce<Kind>(*lease, settings_.job_timeout, job);
      bool again = outcome.failure == Failure::kTransient;
      if (outcome.failure == Failure::kLost) {
        lease.Drop();
        pool_.CloseIdle();
        // It was lost while it lay in the pool, as after a restart of the server; nothing has happened yet.
        again = hide_loss && !lease.fresh() && !outcome.begun && outcome.status.error().code == ErrorCode::kUnavailable;
      }
      if (!again || run == kRunsMax) return outcome.status;
    }
  }

  const Settings settings_;
  Pool pool_;
};

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const Settings& settings, const std::vector<Migration>& migrations) {
  ASYA_TRY(const Address address, ReadAddress(settings.dsn));
  static_cast<void>(address);
  if (!migrations.empty()) {
    // A step may rewrite a large table, and wait for another server that does: a limit of ordinary jobs would cut it
    // off at every start.
    Settings patient = settings;
    patient.connections = 1;
    patient.job_timeout = patient.statement_timeout = settings.migration_timeout;
    PooledDatabase migrating(patient);
    ASYA_TRY_STATUS(Migrate(migrating, migrations));
  }
  auto database = std::make_unique<PooledDatabase>(settings);
  // Who has no schema of its own, as a relay, needs neither the lock nor the right to make tables.
  if (migrations.empty()) ASYA_TRY_STATUS(database->Reach());
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace asya::sql::postgres
