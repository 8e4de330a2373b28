#include "storage/postgres/installation.h"

#include <gtest/gtest.h>

#include "storage/postgres/schema.h"
#include "tests/support/postgres_schema.h"

namespace asya::storage::postgres {
namespace {

using sql::postgres::Database;
using sql::postgres::Transaction;
using tests::PostgresSchema;

std::unique_ptr<Database> OpenAt(const PostgresSchema& schema) {
  std::vector<sql::postgres::Migration> all = Migrations();
  for (auto& migration : InstallationMigrations()) all.push_back(std::move(migration));
  return Database::Open(schema.settings(), all).value();
}

class PostgresInstallation : public testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresSchema::Address()) GTEST_SKIP() << "needs a server: run under tools/postgres run";
  }
};

TEST_F(PostgresInstallation, IsTheSameForAsLongAsTheDatabaseIs) {
  const PostgresSchema one;
  const PostgresSchema two;
  const std::string id = ReadInstallation(*OpenAt(one)).value();
  EXPECT_EQ(id.size(), 36U);
  EXPECT_EQ(ReadInstallation(*OpenAt(one)).value(), id);
  EXPECT_NE(ReadInstallation(*OpenAt(two)).value(), id);
}

TEST_F(PostgresInstallation, ThatIsNotThereIsNoAnswer) {
  const PostgresSchema schema;
  const auto database = OpenAt(schema);
  const auto run = [&](const char* sql) {
    return database->Write([sql](Transaction& transaction) { return transaction.Script(sql); });
  };
  ASSERT_TRUE(run("DELETE FROM installation").ok());
  EXPECT_EQ(ReadInstallation(*database).error().code, ErrorCode::kUnavailable);
  ASSERT_TRUE(run("DROP TABLE installation").ok());
  EXPECT_EQ(ReadInstallation(*database).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace asya::storage::postgres
