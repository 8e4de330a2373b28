#include "storage/sqlite/installation.h"

#include <gtest/gtest.h>

#include "storage/conformance/temporary_folder.h"
#include "storage/sqlite/schema.h"

namespace asya::storage::sqlite {
namespace {

using sql::sqlite::Database;
using sql::sqlite::Transaction;

std::unique_ptr<Database> OpenAt(const std::string& path) {
  std::vector<sql::sqlite::Migration> all = Migrations();
  for (auto& migration : InstallationMigrations()) all.push_back(std::move(migration));
  sql::sqlite::Settings settings;
  settings.path = path;
  return Database::Open(settings, all).value();
}

TEST(SqliteInstallation, IsTheSameForAsLongAsTheDatabaseIs) {
  const conformance::TemporaryFolder folder;
  auto database = OpenAt(folder.File("one.db"));
  const std::string id = ReadInstallation(*database).value();
  EXPECT_EQ(id.size(), 32U);
  database->Stop();
  database = OpenAt(folder.File("one.db"));
  EXPECT_EQ(ReadInstallation(*database).value(), id);
  EXPECT_NE(ReadInstallation(*OpenAt(folder.File("two.db"))).value(), id);
}

TEST(SqliteInstallation, ThatIsNotThereIsNoAnswer) {
  const conformance::TemporaryFolder folder;
  const auto database = OpenAt(folder.File("one.db"));
  const auto run = [&](const char* sql) {
    return database->Write([sql](Transaction& transaction) { return transaction.Execute(sql); });
  };
  ASSERT_TRUE(run("DELETE FROM installation").ok());
  EXPECT_EQ(ReadInstallation(*database).error().code, ErrorCode::kUnavailable);
  ASSERT_TRUE(run("DROP TABLE installation").ok());
  EXPECT_FALSE(ReadInstallation(*database).ok());
}

}  // namespace
}  // namespace asya::storage::sqlite
