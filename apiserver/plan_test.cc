// Plans over HTTP: what reaches the planner, and how it is answered.
#include "apiserver/plan.h"

#include <optional>

#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

constexpr const char* kPlans = "/apis/asya.sh/v1alpha1/namespaces/default/plans";

class FakePlanner final : public ports::Planner {
 public:
  Result<std::shared_ptr<void>> TakePlace() override {
    if (full) return Fail(ErrorCode::kTooMany, "others");
    return std::shared_ptr<void>(std::make_shared<std::int32_t>(0));
  }
  Result<ports::Plan> Make(const std::vector<ports::PlannedWrite>& writes) override {
    seen = writes;
    if (refusal) return *refusal;
    return plan;
  }
  std::vector<ports::PlannedWrite> seen;
  ports::Plan plan;
  std::optional<Error> refusal;
  bool full = false;
};

class Plan : public TestApi {
 protected:
  void SetUp() override {
    find_planner_ = [this] { return has_planner_ ? &planner_ : nullptr; };
    Open({});
  }
  Answer Make(const json::Array& objects) {
    return Send(
        "POST", kPlans,
        json::Dump(json::Object{
            {"apiVersion", "asya.sh/v1alpha1"}, {"kind", "Plan"}, {"spec", json::Object{{"objects", objects}}}}));
  }
  FakePlanner planner_;
  bool has_planner_ = true;
};

TEST_F(Plan, ObjectsComeAsTheirWriteWouldLeaveThem) {
  Create(Actor("a"));
  const std::string before = Get(Path("a")).text;
  json::Value changed = Actor("a", R"({"image":"i:2","handler":"m.f"})");
  const Answer answer = Make({changed, Actor("b")});
  ASSERT_EQ(answer.status, 201) << answer.text;
  ASSERT_EQ(planner_.seen.size(), 2U);
  EXPECT_EQ(planner_.seen[0].before->FindPath({"spec", "image"})->AsString(), "i:1");
  EXPECT_EQ(planner_.seen[0].after.FindPath({"spec", "image"})->AsString(), "i:2");
  EXPECT_EQ(*planner_.seen[0].after.FindPath({"metadata", "uid"}),
            *planner_.seen[0].before->FindPath({"metadata", "uid"}));
  EXPECT_FALSE(planner_.seen[1].before);
  EXPECT_EQ(planner_.seen[1].after.FindPath({"metadata", "namespace"})->AsString(), "default");
  EXPECT_NE(planner_.seen[1].after.FindPath({"metadata", "uid"}), nullptr);
  EXPECT_EQ(Get(Path("a")).text, before) << "nothing was written";
  EXPECT_EQ(Get(Path("b")).status, 404);
  EXPECT_EQ(Get(kPlans).status, 405) << "and nothing is kept";
}

TEST_F(Plan, IsAnsweredInWordsAndCounts) {
  using Action = ports::PlannedChange::Action;
  ports::PlannedChange made{Action::kCreate, {"", "Queue", "", "asya-default-a"}, "default/a"};
  made.note = "on transport t";
  ports::PlannedChange changed{Action::kUpdate, {"apps/v1", "Deployment", "default", "a"}, "default/a"};
  changed.fields.push_back({"spec.paused", false, std::nullopt});
  planner_.plan = {{made, changed}, {{"default/z", "Flavor gpu"}}, {{"default/a", "no"}}};
  const Answer answer = Make({Actor("a")});
  EXPECT_EQ(answer.At("/kind"), "Plan");
  EXPECT_EQ(
      answer.At("/status/changes/0"),
      R"({"action":"create","actor":"default/a","kind":"Queue","name":"asya-default-a","note":"on transport t"})");
  EXPECT_EQ(answer.At("/status/changes/1"),
            R"({"action":"update","actor":"default/a","apiVersion":"apps/v1","changes":[{"old":false,)"
            R"("path":"spec.paused"}],"kind":"Deployment","name":"a","namespace":"default"})");
  EXPECT_EQ(answer.At("/status/renderedAnew"), R"([{"actor":"default/z","because":"Flavor gpu"}])");
  EXPECT_EQ(answer.At("/status/problems"), R"([{"actor":"default/a","message":"no"}])");
  EXPECT_EQ(answer.At("/status/summary"), R"({"add":1,"change":1,"delete":0})");
}

TEST_F(Plan, IsRefusedAsTheWriteWouldBe) {
  const Answer invalid = Make({Actor("a", R"({"image":"i:1"})")});
  EXPECT_EQ(invalid.status, 422) << invalid.text;
  EXPECT_NE(invalid.At("/message").find("spec.handler"), std::string::npos);
  EXPECT_EQ(Make({Actor("a", R"({"image":"i:1","handler":"m.f","flavour":1})")}).status, 400) << "unknown field";
  json::Value away = Actor("a");
  away["metadata"]["namespace"] = "nowhere";
  EXPECT_EQ(Make({away}).status, 404);
  EXPECT_EQ(Make({}).status, 400);
  EXPECT_EQ(Make({json::Value(3)}).status, 400);
  EXPECT_EQ(Make({json::Object{{"apiVersion", "v1"}, {"kind", "Namespace"}}}).status, 400);
  EXPECT_EQ(Send("POST", kPlans, R"({"kind":"Other"})").status, 400);
  EXPECT_EQ(Send("POST", kPlans, "{").status, 400);
  EXPECT_EQ(Send("PUT", std::string(kPlans) + "/x", "{}").status, 405);
  EXPECT_EQ(Send("GET", std::string(kPlans) + "/x/history").status, 404);
  EXPECT_TRUE(planner_.seen.empty());
}

TEST_F(Plan, TakesTheRightToWriteEachObject) {
  std::vector<std::string> asked;
  Open({}, {}, [&asked](const Call& call) -> Outcome<Done> {
    asked.push_back(call.info.verb + " " + call.resource->kind.plural + " " + call.info.namespace_ + "/" +
                    call.info.name);
    if (call.info.name == "no") return Forbidden(*call.resource, call.info.name, "because");
    return Done{};
  });
  Create(Actor("a"));
  asked.clear();
  EXPECT_EQ(Make({Actor("a"), Actor("no")}).status, 403);
  EXPECT_EQ(asked, (std::vector<std::string>{"create plans default/", "patch asyncactors default/a",
                                             "create asyncactors default/no"}));
  EXPECT_TRUE(planner_.seen.empty());
  planner_.full = true;
  asked.clear();
  EXPECT_EQ(Make({Actor("a")}).status, 429);
  EXPECT_EQ(asked, std::vector<std::string>{"create plans default/"}) << "nothing is asked for what is not planned";
}

TEST_F(Plan, SaysWhyThereIsNone) {
  planner_.full = true;
  EXPECT_EQ(Make({Actor("a")}).status, 429);
  planner_.full = false;
  planner_.refusal = Fail(ErrorCode::kUnavailable, "the cluster is away");
  const Answer away = Make({Actor("a")});
  EXPECT_EQ(away.status, 503);
  EXPECT_NE(away.text.find("the cluster is away"), std::string::npos);
  has_planner_ = false;
  const Answer none = Make({Actor("a")});
  EXPECT_EQ(none.status, 405);
  EXPECT_NE(none.text.find("runs no controllers"), std::string::npos);
}

}  // namespace
}  // namespace asya::apiserver
