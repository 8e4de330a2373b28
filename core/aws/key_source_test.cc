#include "core/aws/key_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/http/test_server.h"

namespace asya::aws {
namespace {

TEST(KeySource, ManyWaitForOneAnswer) {
  std::atomic<int> asked = 0;
  const http::Running server = http::StartTcp([&](const http::Request&, http::Responder responder) {
    ++asked;
    responder.Send({200,
                    R"({"AccessKeyId":"AK","SecretAccessKey":"hush","Token":"t","Expiration":"2100-01-01T00:00:00Z"})",
                    "application/json",
                    {}});
  });
  CredentialSettings settings;
  settings.container_url = server.url + "/keys";
  settings.instance_url.clear();
  KeySource source(settings, RealClock());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto keys = source.Get();
      ASSERT_TRUE(keys.ok()) << keys.error().message;
      EXPECT_EQ(keys->access_key_id, "AK");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(asked, 1);
  source.Refused(*source.Get());
  EXPECT_TRUE(source.Get().ok());
  EXPECT_EQ(asked, 2);
}

TEST(KeySource, SaysThatThereAreNone) {
  CredentialSettings settings;
  settings.instance_url.clear();
  EXPECT_EQ(KeySource(settings, RealClock()).Get().error().code, ErrorCode::kUnauthorized);
}

}  // namespace
}  // namespace asya::aws
