// A running server whose database goes back behind what it has seen, as a standby does that is promoted without the
// last commits.
#include "storage/postgres/rewind.h"

#include "storage/conformance/object_store_suite.h"
#include "storage/postgres/change.h"
#include "storage/postgres/test_instance.h"
#include "storage/revision_bump.h"

namespace asya::storage::postgres {
namespace {

using conformance::kAuthor;
using conformance::RecordingSink;
using ports::Revision;
using sql::postgres::Parameters;
using sql::postgres::Transaction;
using tests::PostgresSchema;

const ports::ListQuery kAll{"asyncactors", {}, {}, 0, {}, {}};

// The statements in one transaction; $1 is the revision.
void Execute(Instance& instance, Revision revision, std::initializer_list<const char*> statements) {
  const Status done = instance.database().Write([&](Transaction& transaction) -> Status {
    for (const char* sql : statements) {
      ASYA_TRY(const auto rows, transaction.Execute(sql, Parameters().Add(revision.get())));
    }
    return Ok();
  });
  ASSERT_TRUE(done.ok()) << done.error().message;
}

// What came after that revision never was; it was all creations.
void Lose(Instance& instance, Revision after) {
  Execute(instance, after,
          {"DELETE FROM objects WHERE revision > $1", "DELETE FROM events WHERE revision > $1",
           "DELETE FROM history WHERE revision > $1", "UPDATE watermark SET head = $1"});
}

std::vector<std::string> NamesOf(ObjectStore& store) {
  std::vector<std::string> names;
  const auto page = store.List(kAll);
  if (!page.ok()) return {page.error().message};
  for (const auto& record : page->items) names.push_back(record.key.name);
  return names;
}

class Rewind : public testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    if (!PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
    schema_ = std::make_unique<PostgresSchema>();
    running_ = std::make_unique<Instance>(*schema_, BroadcasterSettings{}, GetParam());
    kept_ = running_->store().Create(MakeRecord("n", "kept"), kAuthor)->revision;
    watch_ = running_->store().Watch({"asyncactors", {}}, kept_, sink_).value();
    lost_ = running_->store().Create(MakeRecord("n", "lost"), kAuthor)->revision;
    EXPECT_EQ(sink_->WaitForEvents(1).size(), 1U);
  }
  void TearDown() override { watch_.reset(); }

  std::unique_ptr<PostgresSchema> schema_;
  std::unique_ptr<Instance> running_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
  std::shared_ptr<void> watch_;
  Revision kept_;
  Revision lost_;
};

TEST_P(Rewind, ClientsListAnewAboveAllThatTheySaw) {
  Lose(*running_, kept_);
  EXPECT_EQ(sink_->WaitForClose().value().code, ErrorCode::kExpired);
  EXPECT_EQ(NamesOf(running_->store()), std::vector<std::string>{"kept"});
  EXPECT_EQ(running_->store().Head()->get(), lost_.get() + kRevisionBump);
  EXPECT_EQ(running_->store().Watch({"asyncactors", {}}, lost_, sink_).error().code, ErrorCode::kExpired);
  EXPECT_NE(running_->Metrics().find("asya_store_rewinds_total 1\n"), std::string::npos) << running_->Metrics();
  const auto next = std::make_shared<RecordingSink>();
  const auto watch = running_->store().Watch({"asyncactors", {}}, *running_->store().Head(), next).value();
  const auto again = running_->store().Create(MakeRecord("n", "lost"), kAuthor);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->revision.get(), lost_.get() + kRevisionBump + 1);
  EXPECT_EQ(next->WaitForEvents(1).front().record.revision, again->revision);
  EXPECT_EQ(NamesOf(running_->store()), (std::vector<std::string>{"kept", "lost"}));
}

TEST_P(Rewind, AReadShowsNothingThatWasLostFromThenOn) {
  Lose(*running_, kept_);
  const auto read = running_->store().Get(MakeRecord("n", "lost").key);
  ASSERT_FALSE(read.ok());
  EXPECT_TRUE(read.error().code == ErrorCode::kUnavailable || read.error().code == ErrorCode::kNotFound);
}

TEST_P(Rewind, SeveralServersRaiseTheHeadOnce) {
  Instance other(*schema_, {}, GetParam());
  const auto sink = std::make_shared<RecordingSink>();
  const auto watch = other.store().Watch({"asyncactors", {}}, lost_, sink).value();
  Lose(*running_, kept_);
  EXPECT_EQ(sink_->WaitForClose().value().code, ErrorCode::kExpired);
  EXPECT_EQ(sink->WaitForClose().value().code, ErrorCode::kExpired);
  EXPECT_EQ(running_->store().Head()->get(), lost_.get() + kRevisionBump);
  EXPECT_EQ(NamesOf(other.store()), NamesOf(running_->store()));
}

INSTANTIATE_TEST_SUITE_P(Postgres, Rewind, testing::Values(kMirrorBytes, 0),
                         [](const auto& tested) { return std::string(tested.param > 0 ? "Mirrored" : "Unmirrored"); });

class RewoundWrite : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
    schema_ = std::make_unique<PostgresSchema>();
    database_ = sql::postgres::Database::Open(schema_->settings(), Migrations()).value();
  }
  Committed Write(const std::string& name, Revision floor) {
    const auto change = std::make_shared<Change>();
    change->record = MakeRecord("n", name);
    change->author = kAuthor;
    return CommitBatch(*database_, {change}, RealClock().Now(), {floor, "test"}).value();
  }

  std::unique_ptr<PostgresSchema> schema_;
  std::unique_ptr<sql::postgres::Database> database_;
};

// By the time that it looks, others have given out the same revisions again.
TEST_F(RewoundWrite, AnotherPastOfTheSameLengthIsNoticed) {
  const Committed last = Write("a", Revision(1));
  const auto state_of = [&](const Seen& seen) {
    LogState state;
    const Status read = database_->Read([&](Transaction& transaction) -> Status {
      ASYA_TRY(state, ReadLogState(transaction, seen, last.upto));
      return Ok();
    });
    EXPECT_TRUE(read.ok());
    return state;
  };
  Seen seen{last.upto, last.upto, last.at, "a run of before"};
  EXPECT_FALSE(IsRewound(seen, state_of(seen)));
  EXPECT_EQ(state_of(seen).server, last.server);
  EXPECT_FALSE(RaiseAbove(*database_, seen).value().has_value());
  seen.at -= 1;
  EXPECT_TRUE(IsRewound(seen, state_of(seen)));
  EXPECT_EQ(RaiseAbove(*database_, seen).value()->get(), last.upto.get() + kRevisionBump);
  EXPECT_FALSE(RaiseAbove(*database_, seen).value().has_value()) << "once";
  EXPECT_FALSE(IsRewound(seen, state_of(seen))) << "what is above the mark of compaction counts alone";
}

// Before the log was read: the statement that writes raises the head itself.
TEST_F(RewoundWrite, GoesOnAboveTheFloor) {
  const Committed first = Write("a", Revision(1));
  EXPECT_FALSE(first.raised);
  EXPECT_EQ(first.upto, Revision(2));
  const Revision floor(1000);
  const Committed raised = Write("b", floor);
  EXPECT_TRUE(raised.raised);
  EXPECT_EQ(raised.base.get(), floor.get() + kRevisionBump);
  EXPECT_EQ(raised.events.front().record.revision.get(), floor.get() + kRevisionBump + 1);
  EXPECT_EQ(ReadWatermark(*database_)->compacted, raised.base) << "so that older watches and pages end";
  const Committed next = Write("c", floor);
  EXPECT_FALSE(next.raised);
  EXPECT_EQ(next.base, raised.upto);
  EXPECT_EQ(next.server, first.server);
}

// The log was read, and the head raised, while a batch of before was on its way: one rewind, which counts once.
TEST_F(RewoundWrite, DoesNotCountWhatWasRaisedBeforeIt) {
  const Committed first = Write("a", Revision(1));
  const Seen seen{Revision(1000), first.upto, first.at, first.server};
  EXPECT_EQ(RaiseAbove(*database_, seen).value()->get(), seen.head.get() + kRevisionBump);
  const Committed late = Write("b", seen.head);
  EXPECT_EQ(late.base.get(), seen.head.get() + kRevisionBump);
  EXPECT_FALSE(late.raised);
}

}  // namespace
}  // namespace asya::storage::postgres
