#include "reconcilers/queue_drift.h"

#include <gtest/gtest.h>

#include <memory>

namespace asya::reconcilers {
namespace {

class Brokers final : public QueueAdmins {
 public:
  std::shared_ptr<ports::QueueAdmin> For(const json::Value& /*transport*/) override { return nullptr; }
  std::vector<ports::QueueAdmin*> All() override { return {}; }
  FoundQueues FindMissing(const std::vector<std::string>& /*queues*/) override { return found; }

  FoundQueues found;
};

std::size_t Lines(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(QueueDrift, TellsOnceOfABrokerThatIsSilentAndCountsEachTime) {
  Brokers brokers;
  observe::Metrics metrics;
  testing::internal::CaptureStderr();
  QueueDrift drift(brokers, observe::Logger::ToStderr("reconcilers", observe::Level::kInfo), &metrics);
  brokers.found.missing = {"b"};
  brokers.found.silent.emplace("rabbit", Fail(ErrorCode::kTimeout, "no answer"));
  EXPECT_EQ(drift.Missing({"a", "b"}), std::vector<std::string>({"b"})) << "what is known of others counts";
  EXPECT_EQ(drift.Missing({"a", "b"}).size(), 1U);
  brokers.found.silent.clear();
  EXPECT_EQ(drift.Missing({"a", "b"}).size(), 1U);
  EXPECT_EQ(drift.Missing({"a", "b"}).size(), 1U);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(Lines(said, "does not tell its queues"), 1U) << said;
  EXPECT_NE(said.find(R"("transport":"rabbit","error":"no answer")"), std::string::npos) << said;
  EXPECT_EQ(Lines(said, "tells its queues again"), 1U) << said;
  EXPECT_NE(metrics.Text().find("asya_queue_lists_failed_total 2"), std::string::npos) << metrics.Text();
}

}  // namespace
}  // namespace asya::reconcilers
