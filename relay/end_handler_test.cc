// What crew/asya_crew/crew_test.py says of the Python, said of the relay that stands in its place.
#include "relay/end_handler.h"

#include <gtest/gtest.h>

#include "tests/support/fake_gateway.h"
#include "tests/support/relay_harness.h"

namespace asya::relay {
namespace {

using Names = std::vector<std::string>;

model::Envelope Ended(const std::string& phase) {
  model::Envelope envelope;
  envelope.id = "t1";
  envelope.route = {{"a"}, "x-sink", {"left-over"}};
  envelope.status.phase = phase;
  return envelope;
}

TEST(EndHandler, AFailureGoesToTheSumpAfterTheHooks) {
  const EndRules rules{"x-sump", {"notify", "audit"}};
  EXPECT_EQ(RouteFromEnd(Ended("failed"), rules), (Names{"notify", "audit", "x-sump"}));
  EXPECT_EQ(RouteFromEnd(Ended("succeeded"), rules), (Names{"notify", "audit"}));
  EXPECT_EQ(RouteFromEnd(Ended("paused"), rules), Names());
  EXPECT_EQ(RouteFromEnd(Ended("succeeded"), EndRules{"x-sump", {}}), Names());
}

TEST(EndHandler, ChildrenOfAFanOutSkipHooksUnlessTold) {
  EndRules rules{"x-sump", {"notify"}};
  model::Envelope child = Ended("succeeded");
  child.parent_id = "t0";
  EXPECT_EQ(RouteFromEnd(child, rules), Names());
  child.status.phase = "failed";
  EXPECT_EQ(RouteFromEnd(child, rules), (Names{"x-sump"}));
  child.status.phase = "succeeded";
  rules.hooks_for_children = true;
  EXPECT_EQ(RouteFromEnd(child, rules), (Names{"notify"}));
}

TEST(EndHandler, TheEndOfTheHooksIsTheEndAndAFailedHookIsADeadLetter) {
  const EndRules rules{"x-sump", {"notify"}};
  model::Envelope after = Ended("succeeded");
  after.route = {{"a", "x-sink", "notify"}, "x-sink", {}};
  EXPECT_EQ(RouteFromEnd(after, rules), Names());
  after.status.phase = "failed";
  EXPECT_EQ(RouteFromEnd(after, rules), (Names{"x-sump"}));
}

TEST(EndHandler, AnIncompleteSliceHasNoHooks) {
  const EndRules rules{"x-sump", {"notify"}};
  model::Envelope slice = Ended("succeeded");
  slice.headers["x-asya-fan-in"] = json::Object{{"slice_index", 0}};
  EXPECT_EQ(RouteFromEnd(slice, rules), Names());
  slice.status.phase = "failed";
  EXPECT_EQ(RouteFromEnd(slice, rules), (Names{"notify", "x-sump"}));
}

TEST(EndHandler, TheSumpEndsAnything) {
  EndRules rules{"x-sump", {"notify"}};
  rules.is_sump = true;
  EXPECT_EQ(RouteFromEnd(Ended("failed"), rules), Names());
}

TEST(EndHandler, ARelayWithoutARuntimeReportsAndPassesOn) {
  tests::RelayHarness harness;
  tests::FakeGateway gateway(harness.folder() + "/gateway.sock");
  Address address;
  address.path = harness.folder() + "/gateway.sock";
  harness.settings.gateway = address;
  harness.settings.actor = "x-sink";
  harness.settings.is_end_actor = true;
  harness.settings.end_rules = EndRules{"x-sump", {"notify"}};
  harness.Start({"x-sink", "x-sump", "notify"});
  model::Envelope failed = Ended("failed");
  failed.payload = R"({"n":1.50})";
  harness.Send(failed);
  const auto hooked = harness.Take("notify");
  ASSERT_TRUE(hooked.has_value());
  EXPECT_EQ(hooked->route, (model::Route{{"a", "x-sink"}, "notify", {"x-sump"}}));
  EXPECT_EQ(hooked->payload, failed.payload);
  EXPECT_EQ(hooked->status.phase, "failed");
  EXPECT_EQ(gateway.items().front().GetString("status"), "failed");
  EXPECT_TRUE(tests::RelayHarness::Eventually([&] { return harness.Stats("x-sink").in_flight == 0; }));
  harness.Stop();
}

}  // namespace
}  // namespace asya::relay
