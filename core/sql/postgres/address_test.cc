#include "core/sql/postgres/address.h"

#include <gtest/gtest.h>

namespace asya::sql::postgres {
namespace {

TEST(Address, TellsWhereWithoutTheCredentials) {
  const auto uri = ReadAddress("postgres://ada:sesame%40x@db.example:6543/work?sslmode=require");
  ASSERT_TRUE(uri.ok()) << uri.error().message;
  EXPECT_EQ(uri->Text(), "PostgreSQL at db.example:6543, database work");
  const auto words = ReadAddress("host=/tmp/sockets user=ada password='a b' dbname=work port=7");
  ASSERT_TRUE(words.ok()) << words.error().message;
  EXPECT_EQ(words->host, "/tmp/sockets");
  EXPECT_EQ(words->port, 7);
  EXPECT_EQ(words->database, "work");
}

TEST(Address, AnUnreadableOneIsRefusedWithoutAWordOfIt) {
  for (const char* bad : {"mysql://ada:sesame@db/work", "ada:sesame@db/work", "postgres://ada:se@same@db/work",
                          "postgres://ada:sesame@[db/work", "postgres://ada:sesame@db/work?color=sesame",
                          "host=db password=sesame color=sesame", "postgres://ada:%zzsesame@db/work"}) {
    const auto address = ReadAddress(bad);
    ASSERT_FALSE(address.ok()) << bad;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalid) << bad;
    EXPECT_EQ(address.error().message.find("same"), std::string::npos) << address.error().message;
    EXPECT_NE(address.error().message.find("postgres://USER:PASSWORD@HOST:PORT/DATABASE"), std::string::npos);
  }
}

}  // namespace
}  // namespace asya::sql::postgres
