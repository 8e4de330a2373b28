#include "server/render_command.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace asya::server {
namespace {

std::string Said(const std::vector<std::string>& arguments, int exit_code) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(Render(arguments), exit_code);
  return testing::internal::GetCapturedStderr();
}

TEST(RenderCommand, EndsWith64WhereItWasCalledWrongly) {
  EXPECT_NE(Said({}, 64).find("usage:"), std::string::npos);
  EXPECT_NE(Said({"cards"}, 64).find("usage:"), std::string::npos);
  EXPECT_NE(Said({}, 64).find("apiservice [--ca-file FILE]"), std::string::npos) << "a server may make its own";
  EXPECT_NE(Said({"apiservice", "--flowers"}, 64).find("--flowers"), std::string::npos);
  EXPECT_EQ(Said({"-f", "/nowhere/asya.yaml"}, 64), "/nowhere/asya.yaml: cannot be read\n");
}

TEST(RenderCommand, RefusesAFolder) {
  const tests::TemporaryFolder folder;
  EXPECT_EQ(Said({"-f", folder.path()}, 64), folder.path() + ": is a folder; a file is accepted\n");
}

TEST(RenderCommand, EndsWith1WhereTheManifestIsWrong) {
  const tests::TemporaryFolder folder;
  const std::string path = folder.path() + "/asya.yaml";
  std::ofstream(path) << "apiVersion: asya.sh/v1alpha1\nkind: AsyncActor\nmetadata: {name: a}\n"
                         "spec: {concurrency: 0}\n";
  EXPECT_NE(Said({"-f", path}, 1).find("spec.concurrency"), std::string::npos);
}

}  // namespace
}  // namespace asya::server
