#include "reconcilers/actor_index.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::reconcilers {
namespace {

json::Value Actor(const std::string& namespace_, const std::string& name, const std::string& spec = "{}",
                  const std::string& metadata = "") {
  return json::Parse(R"({"metadata":{"namespace":")" + namespace_ + R"(","name":")" + name + "\"" + metadata +
                     R"(},"spec":)" + spec + "}")
      .value();
}

TEST(ActorIndex, FindsTheActorOfAQueueByItsIdentity) {
  ActorIndex index;
  EXPECT_FALSE(index.Complete());
  index.Put({"default", "a"}, "1", Actor("default", "a", R"({"actor":"infer"})"));
  index.Retain({{"default", "a"}});
  EXPECT_TRUE(index.Complete());
  ASSERT_TRUE(index.ByQueue("asya-default-infer").has_value());
  EXPECT_EQ(index.ByQueue("asya-default-infer")->key, (Key{"default", "a"}));
  EXPECT_FALSE(index.ByQueue("asya-default-a").has_value());
  EXPECT_FALSE(index.ByQueue("asya-default-infe").has_value());
}

TEST(ActorIndex, KnowsTheTransportThatAllActorsOfPeopleName) {
  ActorIndex index;
  EXPECT_FALSE(index.CommonTransport("default").has_value());
  index.Put({"default", "a"}, "1", Actor("default", "a", R"({"transport":"rabbit"})"));
  index.Put({"other", "c"}, "3", Actor("other", "c"));
  EXPECT_EQ(index.CommonTransport("default"), "rabbit");
  EXPECT_FALSE(index.CommonTransport("other").has_value());
  index.Put({"default", "b"}, "2", Actor("default", "b"));
  EXPECT_FALSE(index.CommonTransport("default").has_value());
  index.Put({"default", "b"}, "2", Actor("default", "b", R"({"transport":"rabbit"})"));
  EXPECT_EQ(index.CommonTransport("default"), "rabbit");
  index.Remove({"default", "a"});
  index.Remove({"default", "b"});
  EXPECT_FALSE(index.HasUserActor("default"));
}

TEST(ActorIndex, FindsActorsByTheirNameInRoutes) {
  ActorIndex index;
  index.Put({"default", "a"}, "1", Actor("default", "a", R"({"actor":"llm"})"));
  index.Put({"default", "llm"}, "2", Actor("default", "llm", R"({"actor":"b"})"));
  index.Put({"other", "llm"}, "3", Actor("other", "llm"));
  EXPECT_EQ(index.WithIdentity("default", "llm"), (std::vector<Key>{{"default", "a"}}));
  EXPECT_EQ(index.WithIdentity("other", "llm"), (std::vector<Key>{{"other", "llm"}}));
  EXPECT_TRUE(index.WithIdentity("default", "").empty());
}

TEST(ActorIndex, TellsThatAnActorIsBeingDeleted) {
  ActorIndex index;
  index.Put({"default", "a"}, "1", Actor("default", "a"));
  EXPECT_FALSE(index.ByQueue("asya-default-a")->deleting);
  index.Put({"default", "a"}, "1", Actor("default", "a", "{}", R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")"));
  EXPECT_TRUE(index.ByQueue("asya-default-a")->deleting);
}

TEST(ActorIndex, OfTwoThatClaimOneQueueTheFirstHasItAsLongAsItIsThere) {
  ActorIndex index;
  index.Put({"a", "b-c"}, "1", Actor("a", "b-c"));
  index.Put({"a-b", "c"}, "2", Actor("a-b", "c"));
  index.Put({"a", "b-c"}, "1", Actor("a", "b-c", R"({"concurrency":2})"));
  EXPECT_EQ(index.ByQueue("asya-a-b-c")->key, (Key{"a", "b-c"}));
  index.Remove({"a-b", "c"});
  EXPECT_EQ(index.ByQueue("asya-a-b-c")->key, (Key{"a", "b-c"})) << "the other's going leaves it alone";
  index.Put({"a-b", "c"}, "2", Actor("a-b", "c"));
  index.Remove({"a", "b-c"});
  EXPECT_EQ(index.ByQueue("asya-a-b-c")->key, (Key{"a-b", "c"}));
  index.Remove({"a-b", "c"});
  EXPECT_FALSE(index.ByQueue("asya-a-b-c").has_value());
}

}  // namespace
}  // namespace asya::reconcilers
