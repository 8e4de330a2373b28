// The directory store on the conformance suite, and what only files can do.
#include "claims/directory/store.h"

#include <filesystem>
#include <fstream>

#include "claims/conformance/claim_store_suite.h"
#include "core/base/sha256.h"
#include "tests/support/temporary_folder.h"

namespace asya::claims {
namespace {

constexpr std::chrono::milliseconds kTimeout{1000};

class DirectoryHarness final : public conformance::ClaimStoreHarness {
 public:
  ports::ClaimStore& store() override { return store_; }
  void Damage(const ports::ClaimKey& key, const std::string& bytes) override {
    std::ofstream(folder_.path() + "/claims/" + key.root + "/" + key.sha256) << bytes;
  }

 private:
  tests::TemporaryFolder folder_;
  directory::Store store_{folder_.path() + "/claims"};
};

TEST(DirectoryStore, AFileThatWasNeverFinishedIsNoPayload) {
  const tests::TemporaryFolder folder;
  directory::Store store(folder.path());
  const ports::ClaimKey key{"a", Sha256Hex("1")};
  ASSERT_TRUE(store.Put(key, "1", kTimeout).ok());
  std::ofstream(folder.path() + "/a/.new-0123456789abcdef") << "half";
  EXPECT_EQ(*store.Get(key, 9, kTimeout), "1");
  EXPECT_EQ(store.Look("a", kTimeout)->names, std::vector<std::string>{key.sha256});
  EXPECT_TRUE(store.Remove("a", {key.sha256}, kTimeout).ok());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(DirectoryStore, AFolderThatCannotBeIsSaid) {
  const tests::TemporaryFolder folder;
  std::ofstream(folder.path() + "/file") << "x";
  directory::Store store(folder.path() + "/file");
  const auto put = store.Put({"a", Sha256Hex("1")}, "1", kTimeout);
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(put.error().message.find("/file"), std::string::npos) << put.error().message;
  EXPECT_EQ(store.Remove("../x", {}, kTimeout).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(store.Remove("x", {"../x"}, kTimeout).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(store.SetMark("..", "x", kTimeout).error().code, ErrorCode::kInvalid);
}

}  // namespace

namespace conformance {

INSTANTIATE_TEST_SUITE_P(Directory, ClaimStoreSuite,
                         ::testing::Values(ClaimStoreImplementation{
                             "directory", [] { return std::make_unique<DirectoryHarness>(); }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace conformance
}  // namespace asya::claims
