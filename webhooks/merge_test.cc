#include "webhooks/merge.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::webhooks {
namespace {

json::Value Json(std::string_view text) { return json::Parse(text).value(); }

std::string Merged(std::string_view present, std::string_view wanted) {
  return json::Dump(MergeContainer(Json(present), Json(wanted)));
}

TEST(Covers, IgnoresWhatAnApiHasFilledIn) {
  EXPECT_TRUE(Covers(Json(R"({"a":{"b":1,"c":2},"d":3})"), Json(R"({"a":{"b":1}})")));
  EXPECT_TRUE(Covers(Json(R"([{"a":1,"b":2}])"), Json(R"([{"a":1}])")));
  EXPECT_TRUE(Covers(Json("{}"), Json(R"({"args":null})")));
  EXPECT_FALSE(Covers(Json(R"({"args":["x"]})"), Json(R"({"args":null})")));
  EXPECT_FALSE(Covers(Json(R"([1,2])"), Json("[1]")));
  EXPECT_FALSE(Covers(Json("1"), Json(R"({"a":1})")));
  EXPECT_FALSE(Covers(Json("{}"), Json("[]")));
}

TEST(MergeContainer, FindsEntriesByWhatNamesThem) {
  EXPECT_EQ(Merged(R"({"env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]})",
                   R"({"env":[{"name":"B","valueFrom":{"x":1}},{"name":"C","value":"3"}]})"),
            R"({"env":[{"name":"A","value":"1"},{"name":"B","valueFrom":{"x":1}},{"name":"C","value":"3"}]})");
  EXPECT_EQ(Merged(R"({"volumeMounts":[{"mountPath":"/token","name":"t"},{"mountPath":"/a","name":"old"}]})",
                   R"({"volumeMounts":[{"mountPath":"/a","name":"a"}]})"),
            R"({"volumeMounts":[{"mountPath":"/token","name":"t"},{"mountPath":"/a","name":"a"}]})");
  EXPECT_EQ(Merged(R"({"envFrom":[{"secretRef":{"name":"s","optional":false}}]})",
                   R"({"envFrom":[{"secretRef":{"name":"s"}},{"secretRef":{"name":"t"}}]})"),
            R"({"envFrom":[{"secretRef":{"name":"s","optional":false}},{"secretRef":{"name":"t"}}]})");
}

TEST(MergeContainer, TakesAProbeAsOneValue) {
  EXPECT_EQ(Merged(R"({"livenessProbe":{"httpGet":{"port":1}},"lifecycle":{"preStop":{"sleep":1},"postStart":2}})",
                   R"({"livenessProbe":{"exec":{"command":["a"]}},"lifecycle":{"preStop":{"exec":1}}})"),
            R"({"lifecycle":{"postStart":2,"preStop":{"exec":1}},"livenessProbe":{"exec":{"command":["a"]}}})");
}

TEST(MergeContainer, KeepsTheMembersOfOthers) {
  EXPECT_EQ(Merged(R"({"image":"i","args":["x"],"resources":{"limits":{"gpu":"1"}},"securityContext":{"runAsUser":1}})",
                   R"({"args":null,"resources":{"limits":{"cpu":"1"}},"securityContext":{"privileged":false}})"),
            R"({"image":"i","resources":{"limits":{"cpu":"1","gpu":"1"}},)"
            R"("securityContext":{"privileged":false,"runAsUser":1}})");
  EXPECT_EQ(Merged(R"({"a":1})", "null"), R"({"a":1})");
}

}  // namespace
}  // namespace asya::webhooks
