#include "storage/postgres/fly_exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "storage/postgres/schema.h"
#include "tests/support/postgres_schema.h"

namespace asya::storage::postgres {
namespace {

using ports::FlyEvent;
using sql::postgres::Database;
using sql::postgres::Rows;
using sql::postgres::Transaction;
using tests::PostgresSchema;

constexpr std::chrono::seconds kPatience{30};

// A task of this test alone: hints reach all who share the database.
std::string NewTask() { return "task-" + RandomHex(8); }

// One process with its own connections; what it is told of `task` is kept in order.
class Process {
 public:
  Process(const PostgresSchema& schema, std::string task, const FlyLimits& limits = {})
      : task_(std::move(task)),
        database_(Database::Open(schema.settings(), Migrations()).value()),
        exchange_(*database_, clock_, metrics_,
                  {[this](const std::string& id) { return id == task_; }, [this](const FlyEvent& e) { Take(e); }},
                  limits) {
    exchange_.Start();
  }

  void Send(const std::string& data) { exchange_.Send({{task_, "vision", data}}); }
  // Until one gets through: before the listener stands, hints are lost.
  void SendUntilHeardBy(Process& other) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      Send("\"hello\"");
      if (other.Heard("\"hello\"", std::chrono::milliseconds(50))) return;
    }
    FAIL() << "nothing was heard";
  }
  bool Heard(const std::string& data, std::chrono::milliseconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    return heard_more_.wait_for(lock, patience, [&] {
      return std::any_of(heard_.begin(), heard_.end(), [&](const FlyEvent& event) { return event.data_json == data; });
    });
  }
  std::vector<std::string> HeardAfterHello() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> texts;
    for (const FlyEvent& event : heard_) {
      if (event.data_json != "\"hello\"") texts.push_back(event.data_json);
    }
    return texts;
  }
  std::size_t Rows() {
    std::size_t count = 0;
    EXPECT_TRUE(database_
                    ->Read([&](Transaction& transaction) -> Status {
                      ASYA_TRY(const auto rows, transaction.Execute("SELECT count(*) FROM fly_events"));
                      count = static_cast<std::size_t>(rows.Int(0, 0));
                      return Ok();
                    })
                    .ok());
    return count;
  }
  [[nodiscard]] std::string Metrics() const { return metrics_.Text(); }
  FakeClock& clock() { return clock_; }
  FlyExchange& exchange() { return exchange_; }

 private:
  void Take(const FlyEvent& event) {
    EXPECT_EQ(event.task_id, task_);
    EXPECT_EQ(event.namespace_, "vision");
    const std::lock_guard lock(mutex_);
    heard_.push_back(event);
    heard_more_.notify_all();
  }

  const std::string task_;
  FakeClock clock_;
  observe::Metrics metrics_;
  const std::unique_ptr<Database> database_;
  std::mutex mutex_;
  std::condition_variable heard_more_;
  std::vector<FlyEvent> heard_;
  FlyExchange exchange_;
};

class PostgresFlyExchange : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  }
};

TEST_F(PostgresFlyExchange, OthersHearAllInOrderAndNobodyHearsItself) {
  const PostgresSchema schema;
  const std::string task = NewTask();
  Process here(schema, task);
  Process there(schema, task);
  here.SendUntilHeardBy(there);
  std::vector<std::string> sent;
  for (int n = 0; n < 300; ++n) {
    // Also what is larger than a hint may be.
    sent.push_back("\"" + std::to_string(n) + std::string(n % 50 == 0 ? 20'000 : 1, 'x') + "\"");
    here.Send(sent.back());
  }
  EXPECT_TRUE(there.Heard(sent.back()));
  EXPECT_EQ(there.HeardAfterHello(), sent);
  EXPECT_TRUE(here.HeardAfterHello().empty());
}

TEST_F(PostgresFlyExchange, OneWhoseTextsAreRefusedTakesNoOthersAlong) {
  const PostgresSchema schema;
  const std::string task = NewTask();
  Process here(schema, task);
  Process there(schema, task);
  here.SendUntilHeardBy(there);
  here.exchange().Send(
      {{task, "vision", std::string("\0", 1)}, {task, "vision", "\xff"}, {task, "vision", "\"fine\""}});
  EXPECT_TRUE(there.Heard("\"fine\""));
  EXPECT_NE(here.Metrics().find("asya_gateway_fly_not_handed_on_total{reason=\"unfit\"} 2"), std::string::npos)
      << here.Metrics();
}

TEST_F(PostgresFlyExchange, TheTableIsBoundedInBytesAndAge) {
  const PostgresSchema schema;
  const std::string task = NewTask();
  FlyLimits limits;
  limits.kept_bytes = 10'000;
  Process here(schema, task, limits);
  for (int n = 0; n < 100; ++n) here.Send("\"" + std::string(1'000, 'x') + "\"");
  EXPECT_LE(here.Rows(), 10U);
  EXPECT_GE(here.Rows(), 5U);
  EXPECT_NE(here.Metrics().find("reason=\"pushed_out\"} 9"), std::string::npos) << here.Metrics();
  here.clock().Advance(limits.kept_for);
  here.Send("\"last\"");
  EXPECT_EQ(here.Rows(), 1U);
}

TEST_F(PostgresFlyExchange, WhatAProcessLeftBehindIsClearedAwayByOthers) {
  const PostgresSchema schema;
  const std::string task = NewTask();
  {
    Process gone(schema, task);
    gone.Send("\"left\"");
    EXPECT_EQ(gone.Rows(), 1U);
  }
  Process here(schema, task);
  here.clock().Advance(FlyExchange::kLeftFor + std::chrono::seconds(1));
  here.Send("\"here\"");
  EXPECT_EQ(here.Rows(), 1U);
}

TEST_F(PostgresFlyExchange, OfTooManyThatWaitTheOldestGo) {
  const PostgresSchema schema;
  const std::string task = NewTask();
  FlyLimits limits;
  limits.waiting_bytes = 2'000;
  limits.event_bytes = 1'000;
  Process here(schema, task, limits);
  const std::string large = "\"" + std::string(900, 'x') + "\"";
  here.exchange().Send({{task, "vision", "\"" + std::string(1'000, 'x') + "\""},
                        {task, "vision", large},
                        {task, "vision", large},
                        {task, "vision", large}});
  EXPECT_EQ(here.Rows(), 2U);
  EXPECT_NE(here.Metrics().find("reason=\"too_many_wait\"} 1"), std::string::npos) << here.Metrics();
  EXPECT_NE(here.Metrics().find("reason=\"unfit\"} 1"), std::string::npos) << here.Metrics();
}

TEST_F(PostgresFlyExchange, WhoSendsAfterTheEndWaitsForNothing) {
  const PostgresSchema schema;
  Process here(schema, NewTask());
  here.exchange().Stop();
  here.Send("\"late\"");
  EXPECT_EQ(here.Rows(), 0U);
}

}  // namespace
}  // namespace asya::storage::postgres
