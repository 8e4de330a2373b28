#include "apiserver/impersonate.h"

#include <gtest/gtest.h>

namespace asya::apiserver {
namespace {

http::Request With(std::vector<std::pair<std::string, std::string>> headers) {
  http::Request request;
  for (auto& [name, value] : headers) request.headers.Add(name, value);
  return request;
}

const User kMaster{"root", {"system:masters"}};
const User kAda{"ada", {"vision"}};

TEST(Impersonate, ARequestWithoutTheHeadersIsOfItsSender) {
  EXPECT_EQ(Impersonate(With({{"Accept", "*/*"}}), kAda)->name, "ada");
}

TEST(Impersonate, AMasterActsAsOthersAndIsOnlyThey) {
  const auto acting = Impersonate(With({{"impersonate-user", "eve"},
                                        {"Impersonate-Group", "speech"},
                                        {"Impersonate-Group", "night"},
                                        {"Impersonate-Uid", "7"},
                                        {"Impersonate-Extra-scopes", "x"}}),
                                  kMaster);
  ASSERT_TRUE(acting.ok());
  EXPECT_EQ(acting->name, "eve");
  EXPECT_EQ(acting->groups, (std::vector<std::string>{"speech", "night"}));
  EXPECT_EQ(acting->uid, "7");
}

TEST(Impersonate, NobodyElseDoes) {
  const auto refused = Impersonate(With({{"Impersonate-User", "root"}, {"Impersonate-Group", "system:masters"}}), kAda);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, 403);
  EXPECT_EQ(refused.error().message,
            "users \"root\" is forbidden: User \"ada\" cannot impersonate resource \"users\" in API group \"\" at the "
            "cluster scope");
}

TEST(Impersonate, HeadersWithoutAUserAreRefused) {
  EXPECT_EQ(Impersonate(With({{"Impersonate-Group", "speech"}}), kMaster).error().code, 400);
  EXPECT_EQ(Impersonate(With({{"Impersonate-User", ""}}), kMaster).error().code, 400);
  EXPECT_EQ(Impersonate(With({{"IMPERSONATE-ANYTHING", "x"}}), kAda).error().code, 400);
}

}  // namespace
}  // namespace asya::apiserver
