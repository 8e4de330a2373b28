#include "core/sql/postgres/session_lock.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "core/base/clock.h"
#include "core/sql/postgres/connection.h"
#include "core/sql/postgres/cutter.h"

namespace asya::sql::postgres {

SessionLock::SessionLock(Settings settings, std::int64_t key, std::function<void()> on_taken_over)
    : settings_(std::move(settings)),
      key_(key),
      on_taken_over_(std::move(on_taken_over)),
      stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

SessionLock::~SessionLock() { Stop(); }

Status SessionLock::Start(std::chrono::milliseconds patience) {
  ASYA_CHECK(!thread_.joinable());
  const SteadyTime deadline = RealClock().Steady() + patience;
  for (;;) {
    ASYA_TRY(const bool taken, Take());
    if (taken) break;
    if (RealClock().Steady() >= deadline) return Fail(ErrorCode::kConflict, "another process holds the lock");
    Wait(kRetryTick);
  }
  thread_ = std::thread([this] { Work(); });
  return Ok();
}

void SessionLock::Stop() {
  const std::uint64_t one = 1;
  const auto written = write(stop_.get(), &one, sizeof one);
  static_cast<void>(written);  // a full counter wakes as well
  if (thread_.joinable()) thread_.join();
  connection_.reset();
}

void SessionLock::Work() {
  while (Wait(kTick)) {
    if (Holds()) continue;
    const auto taken = Take();
    // While the database is away nobody else can take it either.
    if (!taken.ok() || *taken) continue;
    // The session before may not have ended yet on the other side.
    if (!Wait(settings_.network_timeout)) return;
    const auto again = Take();
    if (again.ok() && !*again) return on_taken_over_();
  }
}

Result<bool> SessionLock::Take() {
  if (connection_ == nullptr) {
    ASYA_TRY(connection_, Connection::Open(settings_));
  }
  try {
    const Cutter::Watch watch(connection_->session().sock(), settings_.statement_timeout);
    pqxx::nontransaction work(connection_->session());
    const auto row =
        work.exec1("SELECT pg_try_advisory_lock(" + std::to_string(key_) + ", hashtext(current_schema()))");
    return row[0].as<bool>();
  } catch (const std::exception& failure) {
    connection_.reset();
    return Fail(ErrorCode::kUnavailable, TranslateError(failure).message);
  }
}

bool SessionLock::Holds() {
  if (connection_ == nullptr) return false;
  try {
    const Cutter::Watch watch(connection_->session().sock(), settings_.statement_timeout);
    pqxx::nontransaction(connection_->session()).exec("SELECT 1");
    return true;
  } catch (const std::exception&) {
    connection_.reset();
    return false;
  }
}

bool SessionLock::Wait(std::chrono::milliseconds time) {
  pollfd wait = {stop_.get(), POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(time.count())) == 0;
}

}  // namespace asya::sql::postgres
