// What is removed from a claim store, and above all what is not.
#include "server/claim_sweep.h"

#include <gtest/gtest.h>

#include "claims/directory/store.h"
#include "core/base/sha256.h"
#include "model/claim.h"
#include "ports/claim_marks.h"
#include "ports/claim_payload.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/task_store.h"
#include "tests/support/temporary_folder.h"

namespace asya::server {
namespace {

constexpr std::chrono::milliseconds kTimeout{1000};
constexpr std::chrono::hours kLetterAge{24 * 90};

// Does the first calls that change something, and then none, as if the server had been killed.
class MortalStore final : public ports::ClaimStore {
 public:
  explicit MortalStore(ports::ClaimStore& inner) : inner_(inner) {}
  Result<bool> Put(const ports::ClaimKey& key, std::string_view payload, std::chrono::milliseconds timeout) override {
    return inner_.Put(key, payload, timeout);
  }
  Result<std::string> Get(const ports::ClaimKey& key, std::size_t limit, std::chrono::milliseconds timeout) override {
    return inner_.Get(key, limit, timeout);
  }
  Status SetMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) override {
    if (left-- <= 0) return Fail(ErrorCode::kUnavailable, "dead");
    return inner_.SetMark(folder, mark, timeout);
  }
  Result<bool> HasMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) override {
    return inner_.HasMark(folder, mark, timeout);
  }
  Result<std::vector<ports::ClaimFolder>> List(const std::string& after, std::size_t limit,
                                               std::chrono::milliseconds timeout) override {
    return inner_.List(after, limit, timeout);
  }
  Result<ports::ClaimFolder> Look(const std::string& folder, std::chrono::milliseconds timeout) override {
    return inner_.Look(folder, timeout);
  }
  Status Remove(const std::string& folder, const std::vector<std::string>& names,
                std::chrono::milliseconds timeout) override {
    for (const std::string& name : names) {
      if (left-- <= 0) return Fail(ErrorCode::kUnavailable, "dead");
      ASYA_TRY_STATUS(inner_.Remove(folder, {name}, timeout));
    }
    return Ok();
  }

  int left = 1'000'000;

 private:
  ports::ClaimStore& inner_;
};

class ClaimSweepTest : public testing::Test {
 protected:
  void SetUp() override {
    sql::sqlite::Settings settings;
    settings.path = folder_.path() + "/test.db";
    database_ = sql::sqlite::Database::Open(settings, storage::sqlite::Migrations()).value();
    tasks_ = std::make_unique<storage::sqlite::TaskStore>(*database_, RealClock(), [](auto&, auto&) { return Ok(); });
    ASSERT_TRUE(tasks_->Start().ok());
  }
  void TearDown() override { database_->Stop(); }

  void Sweep() { ClaimSweep({mortal, *tasks_, clock, observe::Logger::Silent(), metrics_}, options).RunOnce(); }
  void AddTask(const std::string& id) {
    ports::Task task;
    task.id = id;
    ASSERT_TRUE(tasks_->Create(task, {"q", "b"}, std::nullopt).ok());
  }
  void EndTask(const std::string& id, ports::TaskStatus status = ports::TaskStatus::kSucceeded) {
    ports::TaskReport report;
    report.task_id = id;
    report.status = status;
    ASSERT_TRUE(tasks_->Report({report}).ok());
  }
  model::Envelope Claim(const std::string& id, const std::string& root, const std::string& payload = "1") {
    model::Envelope envelope;
    envelope.id = id;
    envelope.route.curr = "a";
    if (root != id) envelope.headers[model::kRootHeader] = root;
    envelope.payload = payload;
    EXPECT_TRUE(ports::ClaimPayload(store, envelope, kTimeout).ok());
    return envelope;
  }
  void Mark(const std::string& root, std::string_view kind, const std::string& id) {
    ASSERT_TRUE(store.SetMark(root, ports::ClaimMark(kind, id), kTimeout).ok());
  }
  void PutLetter(const model::Envelope& failed) {
    ports::DeadLetter letter;
    letter.id = failed.id;
    letter.at = clock.Now();
    letter.envelope_json = SerializeEnvelope(failed);
    ASSERT_TRUE(tasks_->PutDeadLetters({letter}).ok());
  }
  bool IsThere(const std::string& root) { return !store.Look(root, kTimeout)->names.empty(); }

  tests::TemporaryFolder folder_;
  claims::directory::Store store{folder_.path() + "/claims"};
  MortalStore mortal{store};
  FakeClock clock{RealClock().Now()};
  ClaimOptions options;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<storage::sqlite::TaskStore> tasks_;
  observe::Metrics metrics_;
};

TEST_F(ClaimSweepTest, NothingGoesBeforeRootAndChildrenHaveEnded) {
  AddTask("r");
  Claim("r", "r");
  Claim("c", "r", "2");
  Claim("other", "other");
  const auto stays = [&](const char* why) {
    clock.Advance(options.grace);
    Sweep();
    EXPECT_TRUE(IsThere("r")) << why;
  };
  stays("nobody has ended");
  EndTask("r");
  stays("the task has, its envelope has not");
  Mark("r", ports::kEndedMark, "r");
  stays("a child has not");
  Mark("r", ports::kEndedMark, "c");
  clock.Advance(options.grace);
  Sweep();
  EXPECT_FALSE(IsThere("r"));
  EXPECT_TRUE(IsThere("other"));
  EXPECT_NE(metrics_.Text().find("asya_claims_removed_total 2"), std::string::npos);
}

TEST_F(ClaimSweepTest, ChildrenThatEndedDoNotEndTheirRoot) {
  AddTask("r");
  Claim("c", "r");
  Mark("r", ports::kEndedMark, "c");
  clock.Advance(2 * options.expiry);
  Sweep();
  EXPECT_TRUE(IsThere("r"));
  EndTask("r");
  Sweep();
  EXPECT_FALSE(IsThere("r"));
}

TEST_F(ClaimSweepTest, WhatHasEndedIsKeptForTheGrace) {
  clock.Advance(options.grace / 2);
  Claim("r", "r");
  Mark("r", ports::kEndedMark, "r");
  Sweep();
  EXPECT_TRUE(IsThere("r"));
  clock.Advance(options.grace);
  Sweep();
  EXPECT_FALSE(IsThere("r"));
}

TEST_F(ClaimSweepTest, WithoutMarksAgeDecides) {
  Claim("unknown", "unknown");
  AddTask("ended");
  Claim("ended", "ended");
  EndTask("ended", ports::TaskStatus::kCanceled);
  AddTask("unfinished");
  Claim("unfinished", "unfinished");
  clock.Advance(options.expiry - std::chrono::hours(1));
  Sweep();
  EXPECT_TRUE(IsThere("unknown"));
  EXPECT_TRUE(IsThere("ended"));
  clock.Advance(std::chrono::hours(2));
  Sweep();
  EXPECT_FALSE(IsThere("unknown"));
  EXPECT_FALSE(IsThere("ended"));
  clock.Advance(10 * options.expiry);
  Sweep();
  EXPECT_TRUE(IsThere("unfinished"));
}

TEST_F(ClaimSweepTest, ADeadLetterKeepsThePayloadThatItNames) {
  AddTask("r");
  Claim("r", "r", "2");
  const auto failed = Claim("c", "r");
  PutLetter(failed);
  Mark("r", ports::kLetterMark, "c");
  Mark("r", ports::kEndedMark, "r");
  EndTask("r");
  clock.Advance(2 * options.expiry);
  Sweep();
  const auto claim = *model::ClaimOf(failed);
  EXPECT_EQ(*ports::ReadClaim(store, {claim.root, claim.sha256}, claim.bytes, kTimeout), "1");
  ASSERT_EQ(*tasks_->DropOldDeadLetters(clock.Now() + kLetterAge), 1);
  Sweep();
  EXPECT_FALSE(IsThere("r"));
}

TEST_F(ClaimSweepTest, ADeadLetterWithItsPayloadNeedsNoOther) {
  auto failed = Claim("r", "r");
  RestorePayload(failed, "1");
  PutLetter(failed);
  Mark("r", ports::kLetterMark, "r");
  clock.Advance(2 * options.grace);
  Sweep();
  EXPECT_FALSE(IsThere("r"));
}

TEST_F(ClaimSweepTest, ADeadLetterCountsWithoutItsMark) {
  PutLetter(Claim("r", "r"));
  clock.Advance(2 * options.expiry);
  Sweep();
  EXPECT_TRUE(IsThere("r"));
}

TEST_F(ClaimSweepTest, ALetterOfAnOddIdIsKeptForAsLongAsLettersAre) {
  PutLetter(Claim("a/b", "r"));
  Mark("r", ports::kLetterMark, "a/b");
  clock.Advance(kLetterAge);
  Sweep();
  EXPECT_TRUE(IsThere("r"));
  clock.Advance(std::chrono::hours(48));
  Sweep();
  EXPECT_FALSE(IsThere("r"));
}

// Killed at any moment: what was begun is finished by the next server, and nobody loses a payload meanwhile.
TEST_F(ClaimSweepTest, ARemovalIsFinishedWhereverItWasBrokenOff) {
  int calls = 0;
  for (bool survived = false; !survived; ++calls) {
    ASSERT_LT(calls, 50);
    const std::string root = "r" + std::to_string(calls);
    Claim(root, root);
    Claim("c", root, "2");
    Claim("lives", "lives", "3");
    Mark(root, ports::kEndedMark, root);
    Mark(root, ports::kEndedMark, "c");
    clock.Advance(options.grace + RealClock().Now() - clock.Now() + std::chrono::seconds(1));
    mortal.left = calls;
    Sweep();
    survived = mortal.left >= 0;
    mortal.left = 1'000'000;
    // A child that comes right then waits, or finds a place of its own.
    model::Envelope late;
    late.id = "late";
    late.headers[model::kRootHeader] = root;
    late.payload = "1";
    auto claimed = ports::ClaimPayload(store, late, kTimeout);
    Sweep();
    if (!claimed.ok()) {
      EXPECT_EQ(claimed.error().code, ErrorCode::kUnavailable);
      claimed = ports::ClaimPayload(store, late, kTimeout);
      ASSERT_TRUE(claimed.ok()) << "after " << calls << " calls: " << claimed.error().message;
    }
    const auto claim = *model::ClaimOf(late);
    EXPECT_EQ(*ports::ReadClaim(store, {root, claim.sha256}, claim.bytes, kTimeout), "1") << calls;
    Mark(root, ports::kEndedMark, "late");
    clock.Advance(options.grace);
    Sweep();
    Sweep();
    EXPECT_FALSE(IsThere(root)) << "after " << calls << " calls";
    EXPECT_TRUE(IsThere("lives"));
  }
  EXPECT_GT(calls, 7);
}

}  // namespace
}  // namespace asya::server
