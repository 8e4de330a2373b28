#include "storage/sqlite/schema.h"

#include <gtest/gtest.h>

#include "storage/conformance/object_store_suite.h"
#include "storage/conformance/temporary_folder.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/open_database.h"
#include "storage/sqlite/task_store.h"

namespace asya::storage::sqlite {
namespace {

using sql::sqlite::Migration;
using sql::sqlite::Transaction;

std::unique_ptr<sql::sqlite::Database> OpenAt(const std::string& path, std::size_t versions) {
  std::vector<Migration> migrations = Migrations();
  migrations.resize(versions);
  sql::sqlite::Settings settings;
  settings.path = path;
  return sql::sqlite::Database::Open(settings, migrations).value();
}

// The whole schema in one text.
std::string SchemaOf(sql::sqlite::Database& database) {
  std::string schema;
  EXPECT_TRUE(database
                  .Read([&](Transaction& transaction) -> Status {
                    ASYA_TRY(auto* const row, transaction.Prepare("SELECT name, sql FROM sqlite_schema ORDER BY name"));
                    for (;;) {
                      ASYA_TRY(const bool found, row->Step());
                      if (!found) return Ok();
                      schema += row->Text(0) + ": " + row->Text(1) + "\n";
                    }
                  })
                  .ok());
  return schema;
}

TEST(SqliteSchema, EveryVersionLeadsToTheSameSchema) {
  const conformance::TemporaryFolder folder;
  const std::string fresh = SchemaOf(*OpenDatabase(folder.File("fresh.db")));
  EXPECT_NE(fresh.find("tasks"), std::string::npos);
  for (std::size_t versions = 1; versions < Migrations().size(); ++versions) {
    const std::string path = folder.File("from-" + std::to_string(versions) + ".db");
    OpenAt(path, versions)->Stop();
    EXPECT_EQ(SchemaOf(*OpenDatabase(path)), fresh) << "from version " << versions;
  }
}

TEST(SqliteSchema, AStoreWrittenByVersionOneOpens) {
  const conformance::TemporaryFolder folder;
  const std::string path = folder.File("store.db");
  ports::Record record;
  record.key = {"asyncactors", "default", "prep"};
  record.uid = "uid";
  record.json = std::make_shared<const std::string>(R"({"metadata":{}})");
  {
    const auto database = OpenAt(path, 1);
    ObjectStore store(*database, RealClock());
    ASSERT_TRUE(store.Start().ok());
    ASSERT_TRUE(store.Create(record, conformance::kAuthor).ok());
  }
  const auto database = OpenDatabase(path);
  ObjectStore store(*database, RealClock());
  ASSERT_TRUE(store.Start().ok());
  EXPECT_EQ(store.Get(record.key)->uid, "uid");
  EXPECT_EQ(store.History({record.key, "uid", {}, {}, 10})->size(), 1U);
}

TEST(SqliteSchema, ATaskOfVersionThreeKeepsTheEventThatItBeganWith) {
  const conformance::TemporaryFolder folder;
  const std::string path = folder.File("store.db");
  {
    const auto database = OpenAt(path, 3);
    ASSERT_TRUE(
        database
            ->Write([](Transaction& transaction) {
              return transaction.Execute(
                  "INSERT INTO tasks(sequence, id, status, progress, version, created_at, updated_at, namespace, "
                  "actor, current_actor, flow, parent_id, replay_of, reason, labels) "
                  "VALUES(1, 't1', 0, 0, 1, 5, 5, 'default', 'a', 'a', '', '', '', '', '');"
                  "INSERT INTO task_events VALUES(1, 7, 5, 'status', '{\"status\":\"pending\"}')");
            })
            .ok());
  }
  const auto database = OpenDatabase(path);
  TaskStore store(*database, RealClock(), [](Transaction&, const ports::FirstMessage&) { return Ok(); });
  ASSERT_TRUE(store.Start().ok());
  const auto events = store.Events("t1", 0);
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->front().sequence, 7);
}

TEST(SqliteSchema, AStoreOfANewerProgramIsRefused) {
  const conformance::TemporaryFolder folder;
  const std::string path = folder.File("store.db");
  OpenDatabase(path)->Stop();
  std::vector<Migration> older = Migrations();
  older.pop_back();
  sql::sqlite::Settings settings;
  settings.path = path;
  const auto opened = sql::sqlite::Database::Open(settings, older);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace asya::storage::sqlite
