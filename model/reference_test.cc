// docs/reference must say what the schema says. ASYA_UPDATE_GOLDEN=1 writes the pages instead of comparing.
#include "model/reference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace asya::model {
namespace {

class Reference : public ::testing::TestWithParam<std::string> {};

TEST_P(Reference, SaysWhatTheSchemaSays) {
  std::string file = GetParam();
  std::transform(file.begin(), file.end(), file.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::filesystem::path path = std::filesystem::path(ASYA_SOURCE_DIR) / "docs/reference" / (file + ".md");
  const std::string text = ReferenceText(*FindKindByName(GetParam()));
  if (std::getenv("ASYA_UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::ifstream stored(path);
  std::stringstream seen;
  seen << stored.rdbuf();
  EXPECT_EQ(seen.str(), text) << "run ASYA_UPDATE_GOLDEN=1 asya_model_test";
}

INSTANTIATE_TEST_SUITE_P(Kinds, Reference,
                         ::testing::Values("AsyncActor", "Flavor", "Transport", "Flow", "Composition", "Function"),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace asya::model
