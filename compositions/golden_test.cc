// Renders every compositions/testdata/*/input.yaml and compares with the output.yaml beside it.
// ASYA_UPDATE_GOLDEN=1 writes the outputs instead: look at the diff before committing it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "server/render_text.h"

namespace asya::compositions {
namespace {

std::filesystem::path Folder() { return std::filesystem::path(ASYA_SOURCE_DIR) / "compositions/testdata"; }

std::vector<std::string> Cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Settings TestSettings() {
  Settings settings;
  settings.gateway_url = "http://asya-gateway.asya-system.svc:8080";
  settings.runtime_base64 = "UEsDBA==";
  settings.runtime_hash = "0123456789abcdef";
  settings.serves_state = true;
  return settings;
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, RendersAsRecorded) {
  const std::filesystem::path folder = Folder() / GetParam();
  const auto rendered = server::RenderText(ReadFile(folder / "input.yaml"), TestSettings());
  const std::string text = rendered.ok() ? *rendered : rendered.error().message + "\n";
  if (std::getenv("ASYA_UPDATE_GOLDEN") != nullptr) std::ofstream(folder / "output.yaml") << text;
  EXPECT_EQ(text, ReadFile(folder / "output.yaml"))
      << "if meant: ASYA_UPDATE_GOLDEN=1 asya_compositions_test, then git diff";
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, ::testing::ValuesIn(Cases()), [](const auto& one) { return one.param; });

// The examples that people start from must stay free of mistakes.
TEST(Examples, Render) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(Folder() / "../../examples")) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string text = ReadFile(entry.path());
    if (text.find("asya.sh/v1alpha1") == std::string::npos) continue;
    const auto rendered = server::RenderText(text, TestSettings());
    EXPECT_TRUE(rendered.ok()) << entry.path() << ": " << (rendered.ok() ? "" : rendered.error().message);
    ++count;
  }
  EXPECT_GE(count, 2U);
}

}  // namespace
}  // namespace asya::compositions
