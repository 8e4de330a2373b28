#include "webhooks/bindings.h"

#include <gtest/gtest.h>

#include "webhooks/test_actor.h"

namespace asya::webhooks {
namespace {

ports::Record RecordOf(const char* resource, const json::Value& object) {
  const json::Value& metadata = *object.Find("metadata");
  ports::Record record;
  record.key = {resource, metadata.GetString("namespace").value_or(""), metadata.GetString("name").value_or("")};
  record.json = std::make_shared<const std::string>(json::Dump(object));
  return record;
}

class BindingsTest : public testing::Test {
 protected:
  void Tell(const char* resource, const std::vector<json::Value>& objects) {
    ports::Records records;
    for (const json::Value& object : objects) records.push_back(RecordOf(resource, object));
    bindings_.Replace(resource, records);
  }
  void TellAll(const json::Value& actor) {
    Tell(kActors, {actor});
    Tell(kFlavors, {});
    Tell(kTransports, {TestTransport()});
  }
  std::string Missing(const std::string& namespace_, const std::string& actor) {
    const auto found = bindings_.Find(namespace_, actor);
    return found.ok() ? "" : found.error().message;
  }

  const compositions::ActorComposer composer_{compositions::Settings()};
  Bindings bindings_{composer_};
};

TEST_F(BindingsTest, KnowNothingUntilEverythingWasTold) {
  EXPECT_EQ(bindings_.Find("n", "llm").error().code, ErrorCode::kUnavailable);
  Tell(kActors, {ActorWith(kModelServer)});
  Tell(kFlavors, {});
  EXPECT_EQ(Missing("n", "llm"), "the transports have not been read yet; try again");
  Tell(kTransports, {TestTransport()});
  EXPECT_TRUE(bindings_.Ready().ok());
  EXPECT_EQ(Missing("n", "llm"), "");
}

TEST_F(BindingsTest, SayWhatToDoAboutAnActorThatIsNotThere) {
  json::Value actor = ActorWith(std::string(kModelServer) + R"(,"actor":"chat")");
  TellAll(actor);
  EXPECT_EQ(Missing("n", "chat"), "");
  EXPECT_EQ(Missing("m", "chat"),
            "there is no AsyncActor \"chat\" in namespace \"m\"; create it first, or correct the label asya.sh/actor "
            "of the pod");
  EXPECT_TRUE(Missing("n", "llm").ends_with("; the one of that name goes by \"chat\"")) << Missing("n", "llm");
  actor["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  bindings_.Put(RecordOf(kActors, actor));
  EXPECT_EQ(Missing("n", "chat"), "AsyncActor \"chat\" is being deleted; it takes no more pods");
  bindings_.Remove({kActors, "n", "llm"});
  EXPECT_TRUE(Missing("n", "chat").starts_with("there is no AsyncActor"));
}

TEST_F(BindingsTest, RefuseAnActorThatMakesItsOwnPods) {
  json::Value actor = ActorWith(kHandler);
  actor["spec"].AsObject().erase("workloadRef");
  actor["spec"]["image"] = "a";
  TellAll(actor);
  EXPECT_EQ(Missing("n", "llm"),
            "AsyncActor \"llm\" makes its own pods; give it a spec.workloadRef to bind it to pods of others, or take "
            "the label off the pod");
}

TEST_F(BindingsTest, RenderAnewWhenSomethingChanges) {
  TellAll(ActorWith(std::string(kModelServer) + R"(,"flavors":["small"])"));
  EXPECT_EQ(Missing("n", "llm"), "AsyncActor \"llm\" waits: there is no Flavor small");
  json::Value flavor = json::Parse(R"({"metadata":{"name":"small"},"spec":{"sidecar":{"image":"r:1"}}})").value();
  bindings_.Put(RecordOf(kFlavors, flavor));
  const auto first = bindings_.Find("n", "llm").value();
  EXPECT_EQ(first->relay.GetString("image"), "r:1");
  EXPECT_EQ(bindings_.Find("n", "llm").value(), first) << "it is rendered once";
  flavor["spec"]["sidecar"]["image"] = "r:2";
  bindings_.Put(RecordOf(kFlavors, flavor));
  EXPECT_EQ(bindings_.Find("n", "llm").value()->relay.GetString("image"), "r:2");
  Tell(kTransports, {});
  EXPECT_EQ(Missing("n", "llm"),
            "AsyncActor \"llm\" waits: no Transport is marked as default; name one in spec.transport");
}

TEST_F(BindingsTest, ChooseNoneOfSeveralDefaults) {
  TellAll(ActorWith(kModelServer));
  json::Value second = TestTransport();
  second["metadata"]["name"] = "a-second";
  Tell(kTransports, {TestTransport(), second});
  EXPECT_TRUE(Missing("n", "llm").starts_with("AsyncActor \"llm\" waits: Transports a-second and "))
      << Missing("n", "llm");
}

TEST_F(BindingsTest, BindToTheTransportThatTheActorIsOnUntilAMoveIsDone) {
  json::Value actor = ActorWith(std::string(kModelServer) + R"(,"transport":"other")");
  actor["status"]["transport"] = *TestTransport().FindPath({"metadata", "name"});
  json::Value other = TestTransport();
  other["metadata"]["name"] = "other";
  other["spec"]["rabbitmq"]["host"] = "elsewhere";
  TellAll(actor);
  Tell(kTransports, {TestTransport(), other});
  const auto before = bindings_.Find("n", "llm").value();
  EXPECT_EQ(json::Dump(before->relay).find("elsewhere"), std::string::npos) << "nobody else drains the old queue";
  actor["status"]["transport"] = "other";
  bindings_.Put(RecordOf(kActors, actor));
  EXPECT_NE(json::Dump(bindings_.Find("n", "llm").value()->relay).find("elsewhere"), std::string::npos);
  actor["status"]["transport"] = "gone";
  bindings_.Put(RecordOf(kActors, actor));
  EXPECT_NE(json::Dump(bindings_.Find("n", "llm").value()->relay).find("elsewhere"), std::string::npos);
}

}  // namespace
}  // namespace asya::webhooks
