#include "storage/conformance/task_store_suite.h"

namespace asya::storage::conformance {
namespace {

using ports::DeadLetter;

DeadLetter MakeLetter(const std::string& id, const std::string& actor) {
  DeadLetter letter;
  letter.id = id;
  letter.namespace_ = "default";
  letter.actor = actor;
  letter.reason = "PolicyExhausted";
  letter.error_type = "ValueError";
  letter.error_message = "not an image";
  letter.envelope_json = R"({"id":")" + id + R"("})";
  letter.at = WallTime(std::chrono::seconds(1'700'000'000));
  return letter;
}

using IdList = std::vector<std::string>;

IdList Ids(const Result<ports::DeadLetterPage>& page) {
  IdList ids;
  for (const auto& letter : page->letters) ids.push_back(letter.id);
  return ids;
}

TEST_P(TaskStoreSuite, ALetterOfATaskOfAnotherNamespaceIsIgnored) {
  MustCreate(MakeTask("t1"));
  DeadLetter foreign = MakeLetter("t1", "ocr");
  foreign.namespace_ = "team";
  ASSERT_TRUE(store().PutDeadLetters({foreign, MakeLetter("other", "ocr")}).ok());
  EXPECT_EQ(store().GetDeadLetter("t1").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store().GetDeadLetter("other").ok());
  ASSERT_TRUE(store().PutDeadLetters({MakeLetter("t1", "ocr")}).ok());
  EXPECT_EQ(store().GetDeadLetter("t1")->namespace_, "default") << "its place was not taken";
}

TEST_P(TaskStoreSuite, DeadLettersAreKeptOncePerId) {
  DeadLetter raw = MakeLetter("raw-abc", "prep");
  raw.envelope_json.clear();
  raw.raw_base64 = "AAEC";
  ASSERT_TRUE(store().PutDeadLetters({MakeLetter("a", "ocr"), raw}).ok());
  DeadLetter changed = MakeLetter("a", "ocr");
  changed.reason = "Other";
  ASSERT_TRUE(store().PutDeadLetters({changed}).ok());
  const auto letter = store().GetDeadLetter("a");
  ASSERT_TRUE(letter.ok());
  EXPECT_EQ(letter->reason, "PolicyExhausted");
  EXPECT_EQ(letter->namespace_, "default");
  EXPECT_EQ(letter->actor, "ocr");
  EXPECT_EQ(letter->error_type, "ValueError");
  EXPECT_EQ(letter->error_message, "not an image");
  EXPECT_EQ(letter->envelope_json, R"({"id":"a"})");
  EXPECT_EQ(letter->at, MakeLetter("a", "ocr").at);
  EXPECT_EQ(letter->replayed_as, "");
  EXPECT_EQ(store().GetDeadLetter("raw-abc")->raw_base64, "AAEC");
  EXPECT_EQ(store().GetDeadLetter("none").error().code, ErrorCode::kNotFound);
}

TEST_P(TaskStoreSuite, LikeFailuresShareASignature) {
  DeadLetter other = MakeLetter("c", "ocr");
  other.error_type = "KeyError";
  DeadLetter own = MakeLetter("d", "ocr");
  own.signature = "mine";
  ASSERT_TRUE(store().PutDeadLetters({MakeLetter("a", "ocr"), MakeLetter("b", "ocr"), other, own}).ok());
  EXPECT_FALSE(store().GetDeadLetter("a")->signature.empty());
  EXPECT_EQ(store().GetDeadLetter("a")->signature, store().GetDeadLetter("b")->signature);
  EXPECT_NE(store().GetDeadLetter("a")->signature, store().GetDeadLetter("c")->signature);
  EXPECT_EQ(store().GetDeadLetter("d")->signature, "mine");
}

TEST_P(TaskStoreSuite, DeadLettersAreListedNewestFirst) {
  DeadLetter team = MakeLetter("team", "prep");
  team.namespace_ = "team";
  ASSERT_TRUE(store().PutDeadLetters({MakeLetter("a", "prep"), MakeLetter("b", "ocr")}).ok());
  ASSERT_TRUE(store().PutDeadLetters({team}).ok());
  EXPECT_EQ(Ids(store().ListDeadLetters({})), (IdList{"team", "b", "a"}));
  EXPECT_EQ(Ids(store().ListDeadLetters({{}, {}, 1})), (IdList{"team"}));
  EXPECT_EQ(Ids(store().ListDeadLetters({"default", {}, 10})), (IdList{"b", "a"}));
  EXPECT_EQ(Ids(store().ListDeadLetters({{}, "prep", 10})), (IdList{"team", "a"}));
}

// Those that come meanwhile are before the first page, and none is shown twice.
TEST_P(TaskStoreSuite, DeadLettersComePageByPage) {
  constexpr int kLetters = 7;
  for (int i = 0; i < kLetters; ++i) {
    ASSERT_TRUE(store().PutDeadLetters({MakeLetter(std::to_string(i), i % 2 == 0 ? "even" : "odd")}).ok());
  }
  IdList ids;
  ports::DeadLetterFilter filter;
  filter.actor = "even";
  filter.limit = 2;
  for (int pages = 0; pages == 0 || !filter.cursor.empty(); ++pages) {
    ASSERT_LT(pages, kLetters) << "the pages do not end";
    const auto page = store().ListDeadLetters(filter);
    ASSERT_TRUE(page.ok()) << page.error().message;
    EXPECT_LE(page->letters.size(), 2U);
    for (const auto& letter : page->letters) ids.push_back(letter.id);
    filter.cursor = page->next_cursor;
    ASSERT_TRUE(store().PutDeadLetters({MakeLetter("late-" + std::to_string(pages), "even")}).ok());
  }
  EXPECT_EQ(ids, (IdList{"6", "4", "2", "0"}));
  filter.cursor = "no cursor";
  EXPECT_EQ(store().ListDeadLetters(filter).error().field, "cursor");
  filter = {};
  filter.limit = kLetters + 2;
  EXPECT_EQ(store().ListDeadLetters(filter)->next_cursor, "") << "a page that ends with the last has none after it";
}

TEST_P(TaskStoreSuite, AReplayIsMarkedOnItsDeadLetter) {
  ASSERT_TRUE(store().PutDeadLetters({MakeLetter("a", "ocr")}).ok());
  EXPECT_EQ(store().MarkReplayed("none", "t1").error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(store().MarkReplayed("a", "t1").ok());
  ASSERT_TRUE(store().MarkReplayed("a", "t2").ok());
  EXPECT_EQ(store().GetDeadLetter("a")->replayed_as, "t2");
}

TEST_P(TaskStoreSuite, DeadLettersAreDroppedOverTheCountOldestFirst) {
  TaskRetention retention;
  retention.dead_letters_max = 3;
  retention.dead_letter_age_max = std::chrono::hours(24 * 365 * 100);
  Open(retention);
  std::vector<DeadLetter> letters;
  const int count = 2 * static_cast<int>(kDeadLetterDropBatch) + 5;
  for (int i = 0; i < count; ++i) letters.push_back(MakeLetter(std::to_string(i), "ocr"));
  ASSERT_TRUE(store().PutDeadLetters(letters).ok());
  const auto dropped = harness_->DropOldDeadLetters(letters.front().at);
  ASSERT_TRUE(dropped.ok()) << dropped.error().message;
  EXPECT_EQ(*dropped, count - 3);
  EXPECT_EQ(store().ListDeadLetters({})->letters.back().id, std::to_string(count - 3));
  EXPECT_EQ(*harness_->DropOldDeadLetters(letters.front().at), 0);
}

TEST_P(TaskStoreSuite, DeadLettersAreDroppedByAge) {
  DeadLetter young = MakeLetter("young", "ocr");
  young.at += std::chrono::hours(2);
  ASSERT_TRUE(store().PutDeadLetters({MakeLetter("old", "ocr"), young}).ok());
  EXPECT_EQ(*harness_->DropOldDeadLetters(young.at), 0);
  const WallTime later = young.at + TaskRetention{}.dead_letter_age_max - std::chrono::hours(1);
  EXPECT_EQ(*harness_->DropOldDeadLetters(later), 1);
  EXPECT_FALSE(store().GetDeadLetter("old").ok());
  EXPECT_TRUE(store().GetDeadLetter("young").ok());
}

}  // namespace
}  // namespace asya::storage::conformance
