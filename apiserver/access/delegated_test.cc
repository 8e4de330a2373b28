#include "apiserver/access/delegated.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "apiserver/access/authenticators.h"
#include "apiserver/access/fake_cluster.h"
#include "apiserver/access/short_memory.h"
#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

using ports::NamespaceState;

http::Request Bearing(const std::string& token) {
  http::Request request;
  request.headers.Set("Authorization", "Bearer " + token);
  return request;
}

TEST(ShortMemory, ForgetsByAgeAndByCount) {
  FakeClock clock;
  ShortMemory<int> memory(clock, std::chrono::seconds(10), 3);
  memory.Keep("a", 1);
  EXPECT_EQ(memory.Recall("a"), 1);
  EXPECT_FALSE(memory.Recall("b"));
  clock.Advance(std::chrono::seconds(9));
  memory.Keep("a", 2);
  memory.Keep("b", 3);
  memory.Keep("c", 4);
  EXPECT_EQ(memory.Recall("a"), 2) << "what fell out was its older answer";
  memory.Keep("d", 5);
  EXPECT_FALSE(memory.Recall("a")) << "the oldest makes room";
  EXPECT_EQ(memory.size(), 3U);
  clock.Advance(std::chrono::seconds(10));
  EXPECT_FALSE(memory.Recall("d"));
  memory.Keep("e", 6);
  EXPECT_EQ(memory.size(), 1U) << "what is too old is not kept either";
}

TEST(TokenReviews, AreBelievedForAWhile) {
  FakeCluster cluster;
  FakeClock clock;
  observe::Metrics metrics;
  const Authenticator authenticate = ByTokenReview(cluster, clock, metrics);
  const Identity ada = authenticate(Bearing("t0ken-ada"));
  ASSERT_TRUE(ada);
  EXPECT_EQ(ada->name + " " + ada->uid + " " + ada->groups.at(0) + " " + ada->extra.at("scopes").at(0),
            "ada 7 vision x");
  EXPECT_TRUE(authenticate(Bearing("t0ken-ada")));
  EXPECT_FALSE(authenticate(Bearing("t0ken")));
  EXPECT_FALSE(authenticate(Bearing("t0ken")));
  EXPECT_EQ(cluster.token_reviews, 2);
  clock.Advance(kReviewAgeMax);
  EXPECT_TRUE(authenticate(Bearing("t0ken-ada")));
  EXPECT_EQ(cluster.token_reviews, 3);
  EXPECT_FALSE(authenticate({}));
  EXPECT_FALSE(authenticate(Bearing(std::string(10'000, 'x')))) << "too long to be one";
  EXPECT_EQ(cluster.token_reviews, 3);
}

TEST(TokenReviews, ThatAreNotAnsweredAreNoAnswer) {
  FakeCluster cluster;
  observe::Metrics metrics;
  cluster.away = true;
  const Authenticator authenticate = FirstOf({ByTokenReview(cluster, RealClock(), metrics)});
  const Identity unknown = authenticate(Bearing("t0ken-ada"));
  EXPECT_FALSE(unknown);
  ASSERT_TRUE(unknown.failure());
  EXPECT_EQ(unknown.failure()->code, 503);
  cluster.away = false;
  EXPECT_TRUE(authenticate(Bearing("t0ken-ada"))) << "an error is not remembered";
}

TEST(TokenReviews, AreFewAtOnce) {
  FakeCluster cluster;
  FakeClock clock;
  observe::Metrics metrics;
  const Authenticator authenticate = ByTokenReview(cluster, clock, metrics);
  EXPECT_TRUE(authenticate(Bearing("t0ken-ada")));
  cluster.Hold();
  std::vector<std::thread> askers;
  for (std::size_t i = 0; i < kTokenReviewsAtOnceMax; ++i) {
    askers.emplace_back([&, i] { EXPECT_FALSE(authenticate(Bearing("unknown " + std::to_string(i)))); });
  }
  cluster.AwaitHeld(kTokenReviewsAtOnceMax);
  const Identity one_more = authenticate(Bearing("one more"));
  ASSERT_TRUE(one_more.failure());
  EXPECT_EQ(one_more.failure()->code, 429);
  EXPECT_EQ(one_more.failure()->retry_after_s, 1);
  EXPECT_NE(metrics.Text().find("asya_apiserver_token_reviews_refused_total 1\n"), std::string::npos);
  EXPECT_TRUE(authenticate(Bearing("t0ken-ada"))) << "who is known is not asked for";
  cluster.Release();
  for (std::thread& asker : askers) asker.join();
  EXPECT_FALSE(authenticate(Bearing("one more")).failure()) << "there is room again";
}

TEST(AuthenticatedGroup, IsOfEverybodyWhoIsKnown) {
  const auto groups = [](std::vector<std::string> given) {
    return WithAuthenticatedGroup([given](const http::Request&) { return User{"ada", given}; })({})->groups;
  };
  using Groups = std::vector<std::string>;
  EXPECT_EQ(groups({}), Groups{"system:authenticated"});
  EXPECT_EQ(groups({"system:authenticated"}), Groups{"system:authenticated"});
  EXPECT_EQ(groups({"system:unauthenticated"}), Groups{"system:unauthenticated"});
  EXPECT_FALSE(WithAuthenticatedGroup([](const http::Request&) { return std::nullopt; })({}));
}

class ReviewedAccess : public TestApi {
 protected:
  ReviewedAccess() {
    authorize_ = ByAccessReview(std::make_shared<AccessReviews>(cluster_, clock_));
    Open({}, {}, authorize_);
  }
  FakeCluster cluster_;
  FakeClock clock_;
  Authorizer authorize_;
};

TEST_F(ReviewedAccess, AskWhatTheCallWants) {
  EXPECT_EQ(Get("/apis/asya.sh/v1alpha1/namespaces/vision/asyncactors/resize/scale").status, 404);
  EXPECT_EQ(cluster_.last.subject.name, "ada");
  EXPECT_EQ(cluster_.last.verb, "get");
  EXPECT_EQ(cluster_.last.group, "asya.sh");
  EXPECT_EQ(cluster_.last.version, "v1alpha1");
  EXPECT_EQ(cluster_.last.resource, "asyncactors");
  EXPECT_EQ(cluster_.last.subresource, "scale");
  EXPECT_EQ(cluster_.last.namespace_, "vision");
  EXPECT_EQ(cluster_.last.name, "resize");
  EXPECT_EQ(Get(std::string(kActors) + "?fieldSelector=metadata.name%3Done").status, 200);
  EXPECT_EQ(cluster_.last.verb + cluster_.last.name, "listone");
  EXPECT_EQ(Get(std::string(kActors) + "?fieldSelector=metadata.name%3Done,metadata.name%3Dtwo").status, 200);
  EXPECT_EQ(cluster_.last.verb + cluster_.last.name, "list");
}

TEST_F(ReviewedAccess, AreBelievedForAWhileAndRefuseInTheWordsOfKubernetes) {
  cluster_.allows = false;
  const Answer refused = Get(kActors);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.At("/message"),
            "asyncactors.asya.sh is forbidden: User \"ada\" cannot list resource \"asyncactors\" in API group "
            "\"asya.sh\" in the namespace \"default\": RBAC: no");
  cluster_.allows = true;
  EXPECT_EQ(Get(kActors).status, 403);
  EXPECT_EQ(cluster_.access_reviews, 1);
  EXPECT_EQ(Get(Path("one")).status, 404) << "another question";
  clock_.Advance(kReviewAgeMax);
  EXPECT_EQ(Get(kActors).status, 200);
  cluster_.allows = false;
  EXPECT_EQ(Get(kActors).status, 200);
  clock_.Advance(kReviewAgeMax);
  EXPECT_EQ(Get(kActors).status, 403);
}

TEST_F(ReviewedAccess, FailClosed) {
  cluster_.away = true;
  const Answer failed = Create(Actor("one"));
  EXPECT_EQ(failed.status, 503);
  EXPECT_EQ(failed.At("/reason"), "ServiceUnavailable");
  EXPECT_EQ(failed.headers.Get("Retry-After"), "1");
  cluster_.away = false;
  EXPECT_EQ(Create(Actor("one")).status, 201) << "an error is not remembered";
}

TEST_F(ReviewedAccess, AreNotNeededByMasters) {
  Call call;
  call.resource = FindResource("asya.sh", "v1alpha1", "flows");
  call.user = {"root", {"system:masters"}};
  cluster_.away = true;
  EXPECT_TRUE(authorize_(call).ok());
  call.user.groups = {"system:masters2"};
  EXPECT_FALSE(authorize_(call).ok());
}

TEST_F(ReviewedAccess, ToldApartByEveryPartOfTheQuestion) {
  Call call;
  call.resource = FindResource("asya.sh", "v1alpha1", "flows");
  const auto ask = [&](User user, const std::string& namespace_, const std::string& name) {
    call.user = std::move(user);
    call.info.namespace_ = namespace_;
    call.info.name = name;
    (void)authorize_(call);
    return cluster_.access_reviews;
  };
  EXPECT_EQ(ask({"ada", {"a", "b"}}, "x", "y"), 1);
  EXPECT_EQ(ask({"ada", {"a", "b"}}, "x", "y"), 1);
  EXPECT_EQ(ask({"ada", {"ab"}}, "x", "y"), 2);
  EXPECT_EQ(ask({"ada", {"a"}, "", {{"b", {}}}}, "x", "y"), 3);
  EXPECT_EQ(ask({"ada", {"a", "b"}, "1"}, "x", "y"), 4);
  EXPECT_EQ(ask({"ada", {"a", "b"}}, "xy", ""), 5);
  EXPECT_EQ(ask({"ada", {"a", "b"}}, "", "xy"), 6);
}

class InACluster : public TestApi {
 protected:
  InACluster() {
    ApiServerSettings settings;
    settings.own_group_alone = true;
    Open(settings, {}, {}, [this](const std::string& name) { return cluster_.StateOf(name); });
  }
  FakeCluster cluster_;
};

TEST_F(InACluster, ObjectsAreCreatedInNamespacesThatAreThere) {
  EXPECT_EQ(Create(Actor("one")).status, 201);
  cluster_.state = NamespaceState::kMissing;
  const Answer missing = Create(Actor("two"));
  EXPECT_EQ(missing.text,
            R"({"apiVersion":"v1","code":404,"details":{"kind":"namespaces","name":"default"},"kind":"Status",)"
            R"("message":"namespaces \"default\" not found","metadata":{},"reason":"NotFound","status":"Failure"})");
  cluster_.state = NamespaceState::kTerminating;
  const Answer late = Create(Actor("two"));
  EXPECT_EQ(
      late.text,
      R"({"apiVersion":"v1","code":403,"details":{"causes":[{"field":"metadata.namespace","message":)"
      R"("namespace default is being terminated","reason":"NamespaceTerminating"}],"group":"asya.sh","kind":)"
      R"("asyncactors","name":"two"},"kind":"Status","message":"asyncactors.asya.sh \"two\" is forbidden: unable )"
      R"(to create new content in namespace default because it is being terminated","metadata":{},"reason":)"
      R"("Forbidden","status":"Failure"})");
  EXPECT_EQ(Merge(Path("one"), R"({"metadata":{"labels":{"a":"b"}}})").status, 200) << "what is there may be changed";
  cluster_.away = true;
  EXPECT_EQ(Create(Actor("two")).status, 503);
  EXPECT_EQ(Get(Path("one")).status, 200);
  EXPECT_EQ(Send("DELETE", Path("one")).status, 200);
}

TEST_F(InACluster, OnlyTheOwnGroupIsServed) {
  for (const char* path : {"/api", "/api/v1", "/api/v1/namespaces", "/api/v1/namespaces/default",
                           "/apis/authorization.k8s.io", "/apis/authorization.k8s.io/v1", "/openapi/v3/api/v1"}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
  EXPECT_EQ(Send("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "{}").status, 404);
  EXPECT_EQ(Get("/apis").At("/groups/0/name"), "asya.sh");
  EXPECT_EQ(Get("/apis").At("/groups/1"), "(absent)");
  const Answer list =
      Get("/apis", {{"Accept", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}});
  EXPECT_EQ(list.At("/items/0/metadata/name"), "asya.sh");
  EXPECT_EQ(list.At("/items/1"), "(absent)");
  EXPECT_EQ(Get("/apis/asya.sh/v1alpha1").status, 200);
  const json::Value index = Get("/openapi/v3").body;
  EXPECT_EQ(index.Find("paths")->AsObject().size(), 1U);
  EXPECT_EQ(Get("/openapi/v2").text.find("selfsubject"), std::string::npos);
}

}  // namespace
}  // namespace asya::apiserver
