#include "cluster/local/config_values.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/json/parse.h"
#include "tests/support/temporary_folder.h"

namespace asya::cluster::local {
namespace {

namespace fs = std::filesystem;

class ConfigValues : public ::testing::Test {
 protected:
  void Write(const std::string& file, const std::string& text) {
    fs::create_directories(fs::path(sources_.folder + "/" + file).parent_path());
    std::ofstream(sources_.folder + "/" + file, std::ios::binary) << text;
  }
  Result<Variables> Read(const std::string& container) {
    return ReadReferences(ReferencesOf(json::Parse(container).value()), sources_);
  }

  const tests::TemporaryFolder folder_;
  ConfigSources sources_{folder_.path(), {{"TOKEN", "of the server"}, {"OTHER", "x"}}};
};

constexpr const char* kToken = R"({"env":[{"name":"TOKEN","valueFrom":{"secretKeyRef":{"name":"vault","key":"token"}}},
                                          {"name":"A","value":"1"}]})";

TEST_F(ConfigValues, AKeyComesFromItsFileElseFromTheServersEnvironment) {
  EXPECT_EQ(*Read(kToken), (Variables{{"TOKEN", "of the server"}}));
  Write("secrets/vault/token", "of the file\n");
  EXPECT_EQ(*Read(kToken), (Variables{{"TOKEN", "of the file"}}));
  Write("secrets/vault/token", "two\nlines\n\n");
  EXPECT_EQ(Read(kToken)->at("TOKEN"), "two\nlines\n");
}

TEST_F(ConfigValues, WhatIsMissingIsNamedWithItsPlaces) {
  sources_.own.clear();
  const auto missing = Read(kToken);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  for (const char* words : {"secret \"vault\"", "\"token\"", "/secrets/vault/token", "set TOKEN"}) {
    EXPECT_NE(missing.error().message.find(words), std::string::npos) << missing.error().message;
  }
  EXPECT_TRUE(Read(R"({"env":[{"name":"T","valueFrom":{"configMapKeyRef":{"name":"m","key":"k","optional":true}}}]})")
                  ->empty());
}

TEST_F(ConfigValues, AllKeysOfAnObjectTakeThePrefixAndSingleKeysWin) {
  const char* container =
      R"({"envFrom":[{"secretRef":{"name":"vault"}},{"prefix":"M_","configMapRef":{"name":"map"}}],)"
      R"("env":[{"name":"user","valueFrom":{"configMapKeyRef":{"name":"map","key":"name"}}}]})";
  EXPECT_NE(Read(container).error().message.find("config map \"map\""), std::string::npos);
  Write("configmaps/map/name", "ada");
  Write("secrets/vault/user", "root");
  Write("secrets/vault/pass", "s3");
  EXPECT_EQ(*Read(container), (Variables{{"M_name", "ada"}, {"pass", "s3"}, {"user", "ada"}}));
  EXPECT_TRUE(Read(R"({"envFrom":[{"secretRef":{"name":"none","optional":true}}]})")->empty());
}

TEST_F(ConfigValues, NamesCannotLeaveTheFolderAndValuesAreBounded) {
  Write("outside", "x");
  EXPECT_FALSE(Read(R"({"env":[{"name":"T","valueFrom":{"secretKeyRef":{"name":"..","key":"outside"}}}]})").ok());
  EXPECT_FALSE(Read(R"({"envFrom":[{"secretRef":{"name":".."}}]})").ok());
  Write("secrets/vault/token", std::string(kConfigValueLimitBytes + 1, 'x'));
  EXPECT_EQ(Read(kToken).error().code, ErrorCode::kInvalid);
  Write("secrets/vault/token", std::string("a\0b", 3));
  const auto zero = Read(kToken);
  EXPECT_NE(zero.error().message.find("zero byte"), std::string::npos);
  EXPECT_EQ(zero.error().message.find("a\\0b"), std::string::npos);
}

}  // namespace
}  // namespace asya::cluster::local
