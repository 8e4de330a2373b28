#include "core/sql/postgres/database.h"

#include <exception>
#include <utility>

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
};

template <class Kind>
Outcome RunOnce(Connection& connection, const Database::Job& job) {
  try {
    Kind work(connection.session());
    Transaction transaction(connection, &work);
    Status status = job(transaction);
    if (!status.ok()) return Outcome{status, transaction.failure()};
    if (transaction.failure() != Failure::kNone) {
      return Outcome{Fail(ErrorCode::kInternal, "a job went on after a failed statement"), transaction.failure()};
    }
    work.commit();
    return Outcome{};
  } catch (const std::exception& failure) {  // of BEGIN, of COMMIT, or of the job itself
    return Outcome{TranslateError(failure), FailureOf(failure)};
  }
}

class PooledDatabase final : public Database {
 public:
  explicit PooledDatabase(const Settings& settings) : settings_(settings), pool_(settings) {}

  Status Write(const Job& job) override { return Run<WriteTransaction>(job); }
  Status Read(const Job& job) override { return Run<ReadTransaction>(job); }
  [[nodiscard]] const Settings& settings() const override { return settings_; }

 private:
  template <class Kind>
  Status Run(const Job& job) {
    ASYA_TRY(auto lease, pool_.Borrow());
    for (int run = 1;; ++run) {
      Outcome outcome = RunOnce<Kind>(*lease, job);
      if (outcome.failure == Failure::kLost) lease.Drop();
      if (outcome.failure != Failure::kTransient || run == kRunsMax) return outcome.status;
    }
  }

  const Settings settings_;
  Pool pool_;
};

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const Settings& settings, const std::vector<Migration>& migrations) {
  auto database = std::make_unique<PooledDatabase>(settings);
  ASYA_TRY_STATUS(Migrate(*database, migrations));
  return std::unique_ptr<Database>(std::move(database));
}

}  // namespace asya::sql::postgres
