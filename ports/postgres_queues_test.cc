#include "ports/postgres_queues.h"

#include <gtest/gtest.h>

namespace asya::ports {
namespace {

TEST(PostgresUrl, TakesNamesAsTheyAre) {
  EXPECT_EQ(PostgresUrl(json::Object{{"host", "db"}, {"database", "asya"}}), "postgresql://db/asya");
  EXPECT_EQ(PostgresUrl(json::Object{
                {"host", "db"}, {"port", 5433}, {"database", "a?b"}, {"schema", "Two words"}, {"sslMode", "require"}}),
            "postgresql://db:5433/a%3Fb?sslmode=require&options=-csearch_path%3D%22Two%5C%20words%22");
  EXPECT_EQ(PostgresUrl(json::Object{{"host", "db"}, {"database", "asya"}, {"schema", "a\",b"}}),
            "postgresql://db/asya?options=-csearch_path%3D%22a%22%22%2Cb%22");
}

}  // namespace
}  // namespace asya::ports
