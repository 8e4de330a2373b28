#include "server/history_options.h"

#include <gtest/gtest.h>

namespace asya::server {
namespace {

TEST(HistoryOptions, WhatIsNotSetHasADefault) {
  const auto kept = ReadHistoryRetention({{"ASYA_HISTORY_AGE", ""}});
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->age_max, std::chrono::hours(365 * 24));
  EXPECT_EQ(kept->entries_per_object_max, 200);
  EXPECT_EQ(kept->entries_max, 100'000);
}

TEST(HistoryOptions, EachBoundCanBeSet) {
  const auto kept = ReadHistoryRetention(
      {{"ASYA_HISTORY_AGE", "720h"}, {"ASYA_HISTORY_ENTRIES_PER_OBJECT", "20"}, {"ASYA_HISTORY_ENTRIES", "5000"}});
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->age_max, std::chrono::hours(720));
  EXPECT_EQ(kept->entries_per_object_max, 20);
  EXPECT_EQ(kept->entries_max, 5000);
}

TEST(HistoryOptions, EveryMistakeIsNamedAtOnce) {
  const auto kept = ReadHistoryRetention(
      {{"ASYA_HISTORY_AGE", "30d"}, {"ASYA_HISTORY_ENTRIES_PER_OBJECT", "0"}, {"ASYA_HISTORY_ENTRIES", "many"}});
  ASSERT_FALSE(kept.ok());
  for (const char* said : {"ASYA_HISTORY_AGE: got \"30d\"", "ASYA_HISTORY_ENTRIES_PER_OBJECT: got \"0\"",
                           "ASYA_HISTORY_ENTRIES: got \"many\""}) {
    EXPECT_NE(kept.error().message.find(said), std::string::npos) << kept.error().message;
  }
  EXPECT_FALSE(ReadHistoryRetention({{"ASYA_HISTORY_AGE", "59m"}}).ok());
}

}  // namespace
}  // namespace asya::server
