#include "storage/postgres/schema.h"

#include <gtest/gtest.h>

#include "storage/conformance/object_store_suite.h"
#include "storage/postgres/object_store.h"
#include "tests/support/postgres_schema.h"

namespace asya::storage::postgres {
namespace {

using sql::postgres::Database;
using sql::postgres::Rows;
using sql::postgres::Transaction;
using tests::PostgresSchema;

std::unique_ptr<Database> OpenAt(const PostgresSchema& schema, std::size_t versions) {
  auto migrations = Migrations();
  migrations.resize(versions);
  return Database::Open(schema.settings(), migrations).value();
}

// All columns and indexes as one text.
std::string Describe(Database& database) {
  std::string text;
  const Status read = database.Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(
        const Rows rows,
        transaction.Execute("SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS line "
                            "FROM information_schema.columns WHERE table_schema = current_schema() "
                            "UNION ALL SELECT replace(indexdef, current_schema(), '') FROM pg_indexes "
                            "WHERE schemaname = current_schema() ORDER BY line"));
    for (std::size_t row = 0; row < rows.size(); ++row) text += rows.Text(row, 0) + "\n";
    return Ok();
  });
  EXPECT_TRUE(read.ok());
  return text;
}

class PostgresStorageSchema : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  }
};

TEST_F(PostgresStorageSchema, EveryVersionLeadsToTheSameSchema) {
  const std::size_t all = Migrations().size();
  const PostgresSchema fresh_schema;
  const std::string fresh = Describe(*OpenAt(fresh_schema, all));
  EXPECT_NE(fresh.find("task_events"), std::string::npos);
  for (std::size_t versions = 1; versions < all; ++versions) {
    const PostgresSchema schema;
    OpenAt(schema, versions).reset();
    EXPECT_EQ(Describe(*OpenAt(schema, all)), fresh) << "from version " << versions;
  }
}

TEST_F(PostgresStorageSchema, AStoreWrittenByVersionOneOpens) {
  const PostgresSchema schema;
  ports::Record record;
  record.key = {"asyncactors", "default", "prep"};
  record.uid = "uid";
  record.json = std::make_shared<const std::string>(R"({"metadata":{}})");
  {
    const auto database = OpenAt(schema, 1);
    ObjectStore store(*database, RealClock());
    ASSERT_TRUE(store.Start().ok());
    ASSERT_TRUE(store.Create(record, conformance::kAuthor).ok());
  }
  const auto database = OpenAt(schema, Migrations().size());
  ObjectStore store(*database, RealClock());
  ASSERT_TRUE(store.Start().ok());
  EXPECT_EQ(store.Get(record.key)->uid, "uid");
}

}  // namespace
}  // namespace asya::storage::postgres
