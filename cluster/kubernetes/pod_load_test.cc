#include "cluster/kubernetes/pod_load.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::cluster::kubernetes {
namespace {

const WallTime kNow = ParseRfc3339("2026-01-01T12:00:00Z").value();

json::Value Pod(const std::string& annotations) {
  const std::string head = R"({"metadata":{"name":"echo-1","namespace":"team","uid":"p1","annotations":)";
  return json::Parse(head + annotations + "}}").value();
}

json::Value Busy(const std::string& cost, const std::string& until) {
  return Pod(R"({"controller.kubernetes.io/pod-deletion-cost":")" + cost + R"(","asya.sh/busy-until":")" + until +
             "\"}");
}

TEST(PodLoad, WorkIsWrittenWhenItComesAndNotAgain) {
  const json::Value patch = LoadPatch(Pod("{}"), 3, kNow);
  EXPECT_EQ(json::Dump(patch), R"({"metadata":{"annotations":{"asya.sh/busy-until":"2026-01-01T12:10:00Z",)"
                               R"("controller.kubernetes.io/pod-deletion-cost":"3"},"uid":"p1"}})");
  EXPECT_TRUE(LoadPatch(Busy("3", "2026-01-01T12:10:00Z"), 2, kNow).IsNull()) << "another number of it is no news";
  EXPECT_TRUE(LoadPatch(Busy("3", "2026-01-01T12:05:00Z"), 3, kNow).IsNull());
}

TEST(PodLoad, WorkThatGoesOnIsWrittenBeforeItIsBelievedNoMore) {
  const json::Value patch = LoadPatch(Busy("3", "2026-01-01T12:04:59Z"), 1, kNow);
  ASSERT_FALSE(patch.IsNull());
  EXPECT_EQ(*patch.FindPath({"metadata", "annotations", kBusyUntil}), json::Value("2026-01-01T12:10:00Z"));
  EXPECT_EQ(*patch.FindPath({"metadata", "annotations", kDeletionCost}), json::Value("1"));
}

TEST(PodLoad, ItsEndTakesBothAwayAndNothingThatIsSomebodyElses) {
  const json::Value patch = LoadPatch(Busy("3", "2026-01-01T11:00:00Z"), 0, kNow);
  ASSERT_FALSE(patch.IsNull());
  EXPECT_TRUE(patch.FindPath({"metadata", "annotations", kBusyUntil})->IsNull());
  EXPECT_TRUE(patch.FindPath({"metadata", "annotations", kDeletionCost})->IsNull());
  EXPECT_TRUE(LoadPatch(Pod("{}"), 0, kNow).IsNull());
  EXPECT_TRUE(LoadPatch(Pod(R"({"controller.kubernetes.io/pod-deletion-cost":"-5"})"), 0, kNow).IsNull());
}

TEST(PodLoad, IsBelievedForAWhile) {
  EXPECT_EQ(InFlightOf(Busy("3", "2026-01-01T12:00:01Z"), kNow), 3);
  EXPECT_EQ(InFlightOf(Busy("3", "2026-01-01T12:00:00Z"), kNow), 0);
  EXPECT_EQ(InFlightOf(Busy("3", "soon"), kNow), 0);
  EXPECT_EQ(InFlightOf(Busy("-7", "2026-01-01T12:00:01Z"), kNow), 1) << "somebody else has changed the cost";
  EXPECT_EQ(InFlightOf(Pod(R"({"controller.kubernetes.io/pod-deletion-cost":"9"})"), kNow), 0);
  EXPECT_EQ(InFlightOf(Pod("{}"), kNow), 0);
}

}  // namespace
}  // namespace asya::cluster::kubernetes
