#include "reconcilers/events.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"
#include "storage/memory/object_store.h"

namespace asya::reconcilers {
namespace {

json::Value Actor(const std::string& name) {
  return json::Object{{"apiVersion", "asya.sh/v1alpha1"},
                      {"kind", "AsyncActor"},
                      {"metadata", json::Object{{"name", name}, {"namespace", "default"}, {"uid", "uid-of-" + name}}}};
}

class EventsTest : public testing::Test {
 protected:
  EventsTest() : store_(clock_), events_(store_, clock_) { store_.Start(); }
  std::vector<json::Value> All() {
    ports::ListQuery query;
    query.resource = kEvents;
    std::vector<json::Value> all;
    const auto page = store_.List(query);
    for (const auto& record : page->items) all.push_back(json::Parse(*record.json).value());
    return all;
  }

  FakeClock clock_;
  storage::memory::ObjectStore store_;
  Events events_;
};

TEST_F(EventsTest, WhatHappensAgainIsCounted) {
  events_.Tell(Actor("a"), true, "FlavorMissing", "there is no Flavor gpu");
  const auto first = All();
  ASSERT_EQ(first.size(), 1U);
  clock_.Advance(std::chrono::minutes(5));
  events_.Tell(Actor("a"), true, "FlavorMissing", std::string(3000, 'x'));
  const auto all = All();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].GetInt("count"), 2);
  EXPECT_EQ(all[0].GetString("type"), "Warning");
  EXPECT_EQ(all[0].GetString("firstTimestamp"), first[0].GetString("firstTimestamp"));
  EXPECT_NE(all[0].GetString("lastTimestamp"), first[0].GetString("lastTimestamp"));
  EXPECT_EQ(all[0].GetString("message")->size(), kEventMessageBytesMax);
  events_.Tell(Actor("a"), false, "Ready", "1 of 1 replicas are ready");
  events_.Tell(Actor("b"), false, "Ready", "1 of 1 replicas are ready");
  EXPECT_EQ(All().size(), 3U);
}

TEST_F(EventsTest, ARecordIsSelectedByItsObject) {
  events_.Tell(Actor("a"), false, "Ready", "");
  ports::ListQuery query;
  query.resource = kEvents;
  query.selector.labels = {{"involvedObject.uid", ports::LabelRequirement::Operator::kIn, {"uid-of-a"}}};
  const auto page = store_.List(query);
  ASSERT_EQ(page->items.size(), 1U);
  EXPECT_TRUE(page->items[0].json->starts_with(R"({"apiVersion":"v1","kind":"Event","metadata":{)"));
}

TEST_F(EventsTest, TheyGoAfterAnHour) {
  events_.Tell(Actor("a"), false, "Ready", "");
  clock_.Advance(std::chrono::minutes(40));
  events_.Tell(Actor("b"), false, "Ready", "");
  EXPECT_EQ(DropOldEvents(store_, clock_.Now()).value(), 0);
  clock_.Advance(std::chrono::minutes(30));
  EXPECT_EQ(DropOldEvents(store_, clock_.Now()).value(), 1);
  ASSERT_EQ(All().size(), 1U);
  EXPECT_EQ(*All()[0].FindPath({"involvedObject", "name"}), json::Value("b"));
}

TEST_F(EventsTest, TheOldestGoOverTheBound) {
  for (std::size_t i = 0; i < kEventsMax + 2; ++i) events_.Tell(Actor("a" + std::to_string(i)), false, "Ready", "");
  EXPECT_EQ(DropOldEvents(store_, clock_.Now()).value(), 2);
  EXPECT_EQ(All().size(), kEventsMax);
}

}  // namespace
}  // namespace asya::reconcilers
