#include "core/http/sealing_keys.h"

#include <gtest/gtest.h>

#include <set>

namespace asya::http {
namespace {

constexpr const char* kFirst = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";
constexpr const char* kSecond = "//////////////////////////////////////////8=\n";

SealingKeys Keys(const std::string& text) { return SealingKeys::Parse(text).value(); }

TEST(SealingKeys, OpensWhatWasSealedAndShowsNothingOfIt) {
  const SealingKeys keys = Keys(kFirst);
  for (const std::string& text : {std::string(), std::string("a secret"), std::string(100'000, 'x')}) {
    const auto sealed = keys.Seal(text, "here");
    ASSERT_TRUE(sealed.ok());
    EXPECT_TRUE(text.empty() || sealed->find(text) == std::string::npos);
    const auto opened = keys.Open(*sealed, "here");
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    EXPECT_EQ(*opened, text);
  }
}

TEST(SealingKeys, TheSameTextIsNeverSealedAlike) {
  const SealingKeys keys = Keys(kFirst);
  std::set<std::string> all;
  for (int i = 0; i < 100; ++i) all.insert(keys.Seal("text", "here").value());
  EXPECT_EQ(all.size(), 100U);
}

TEST(SealingKeys, RefusesWhatWasMovedCutOrChanged) {
  const SealingKeys keys = Keys(kFirst);
  const std::string sealed = keys.Seal("text", "here").value();
  EXPECT_EQ(keys.Open(sealed, "there").error().code, ErrorCode::kInvalid);
  for (std::size_t size = 0; size < sealed.size(); ++size) EXPECT_FALSE(keys.Open(sealed.substr(0, size), "here").ok());
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    std::string changed = sealed;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(keys.Open(changed, "here").ok()) << at;
  }
}

TEST(SealingKeys, ANewKeyComesFirstAndOldOnesStillOpen) {
  const std::string sealed = Keys(kFirst).Seal("text", "here").value();
  EXPECT_EQ(Keys(std::string(kSecond) + kFirst).Open(sealed, "here").value(), "text");
  const auto unknown = Keys(kSecond).Open(sealed, "here");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Keys(std::string(kSecond) + kFirst).Seal("x", "").value().substr(0, 11),
            Keys(kSecond).Seal("x", "").value().substr(0, 11));
}

TEST(SealingKeys, NamesTheLineThatIsNoKeyWithoutRepeatingIt) {
  const auto wrong = SealingKeys::Parse(std::string(kFirst) + "hunter2\n");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message.find("line 2"), std::string::npos) << wrong.error().message;
  EXPECT_EQ(wrong.error().message.find("hunter2"), std::string::npos);
  EXPECT_FALSE(SealingKeys::Parse("").ok());
  EXPECT_FALSE(SealingKeys::Parse("\n\n").ok());
  std::string many;
  for (std::size_t i = 0; i <= kSealingKeysMax; ++i) many += kFirst;
  EXPECT_FALSE(SealingKeys::Parse(many).ok());
  EXPECT_TRUE(SealingKeys::Parse(std::string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n")).ok());
  EXPECT_TRUE(SealingKeys::Parse(SealingKeys::NewLine().value()).ok());
}

}  // namespace
}  // namespace asya::http
