#include "server/queue_directory.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"
#include "transports/memory/broker.h"

namespace asya::server {
namespace {

TEST(QueueDirectory, ASecretThatIsMissingIsNoQueueThatIsMissing) {
  transports::memory::Broker local(RealClock());
  QueueDirectory directory(
      [](const json::Value&) -> Result<ports::Credentials::Values> {
        return Fail(ErrorCode::kNotFound, "there is no Secret asya-system/rabbit");
      },
      RealClock());
  directory.Start(local.Admin(), [](const json::Value&) { return false; });
  const json::Value transport =
      json::Parse(R"({"metadata":{"name":"rabbit"},"spec":{"type":"rabbitmq","rabbitmq":{"host":"nowhere"}}})").value();
  ports::QueueAdmin* const admin = directory.For(transport);
  ASSERT_NE(admin, nullptr);
  const auto stats = admin->Stats("asya-team-echo");
  EXPECT_EQ(stats.error().code, ErrorCode::kUnavailable) << "else an actor goes, and its work stays behind";
  EXPECT_EQ(stats.error().message, "there is no Secret asya-system/rabbit");
  EXPECT_EQ(admin->Remove("asya-team-echo", false).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(admin->List().error().code, ErrorCode::kNotFound) << "by which the Transport says what is missing";
  directory.Stop();
}

}  // namespace
}  // namespace asya::server
