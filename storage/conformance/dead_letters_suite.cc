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

std::vector<std::string> Ids(const Result<std::vector<DeadLetter>>& letters) {
  std::vector<std::string> ids;
  for (const auto& letter : *letters) ids.push_back(letter.id);
  return ids;
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
  using IdList = std::vector<std::string>;
  EXPECT_EQ(Ids(store().ListDeadLetters({}, {}, 10)), (IdList{"team", "b", "a"}));
  EXPECT_EQ(Ids(store().ListDeadLetters({}, {}, 1)), (IdList{"team"}));
  EXPECT_EQ(Ids(store().ListDeadLetters("default", {}, 10)), (IdList{"b", "a"}));
  EXPECT_EQ(Ids(store().ListDeadLetters({}, "prep", 10)), (IdList{"team", "a"}));
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
  EXPECT_EQ(store().ListDeadLetters({}, {}, 10)->back().id, std::to_string(count - 3));
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
