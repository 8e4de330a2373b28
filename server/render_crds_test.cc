// ASYA_UPDATE_GOLDEN=1 writes testdata/crds.yaml instead of comparing.
#include "server/render_crds.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/yaml/parse.h"
#include "model/kinds.h"

namespace asya::server {
namespace {

TEST(RenderCrds, IsAsStored) {
  const std::filesystem::path path = std::filesystem::path(ASYA_SOURCE_DIR) / "server/testdata/crds.yaml";
  const std::string text = RenderCrds();
  if (std::getenv("ASYA_UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::ifstream file(path);
  const std::string stored((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_TRUE(stored == text) << "run ASYA_UPDATE_GOLDEN=1 asya_server_render_test and read the difference";
  EXPECT_EQ(RenderCrds(), text);
}

TEST(RenderCrds, IsYamlWithEveryKind) {
  const auto documents = yaml::ParseAll(RenderCrds());
  ASSERT_TRUE(documents.ok()) << documents.error().message;
  ASSERT_EQ(documents->size(), model::Kinds().size());
  for (std::size_t i = 0; i < documents->size(); ++i) {
    const json::Value& definition = documents->at(i).value;
    EXPECT_EQ(definition.FindPath({"spec", "names", "plural"})->AsString(), model::Kinds()[i].plural);
  }
}

}  // namespace
}  // namespace asya::server
