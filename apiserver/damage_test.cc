// What lies in the store and cannot be decoded, of an older version or written by hand.
#include "apiserver/test_watch.h"

namespace asya::apiserver {
namespace {

class Damage : public WatchApi {
 protected:
  void Put(const std::string& name, const std::string& json) {
    ports::Record record;
    record.key = {"asyncactors", "default", name};
    record.uid = "uid-" + name;
    record.json = std::make_shared<const std::string>(json);
    ASSERT_TRUE(store_.Create(record, {"ada", "", "create"}).ok());
  }
  static void ExpectTold(const Answer& answer) {
    EXPECT_EQ(answer.status, 500) << answer.text;
    EXPECT_EQ(answer.At("/kind"), "Status");
    EXPECT_EQ(answer.At("/reason"), "InternalError");
    EXPECT_NE(answer.At("/message").find("asyncactors \"bad\" in namespace \"default\" cannot be decoded"),
              std::string::npos)
        << answer.text;
  }
};

// The last two are JSON as far as the store looks, but not what a number or an object may be.
constexpr const char* kStored[] = {"", "no JSON", "{\"metadata\":{\"name\":\"b\xff\"}}",
                                   R"({"metadata":{"name":"bad"},"spec":{"a":1e999}})",
                                   R"({"metadata":{"name":"bad"},"spec":{"a":1,"a":2}})"};

TEST_F(Damage, EveryUseOfAnObjectThatCannotBeDecodedNamesIt) {
  for (const char* stored : kStored) {
    Put("bad", stored);
    for (const char* part : {"/scale", "/history"}) ExpectTold(Get(Path("bad") + part));
    ExpectTold(Merge(Path("bad"), "{}"));
    ExpectTold(JsonPatch(Path("bad"), "[]"));
    ExpectTold(Send("PATCH", Path("bad") + "?fieldManager=me", json::Dump(Actor("bad")),
                    {{"Content-Type", "application/apply-patch+yaml"}}));
    ExpectTold(Send("DELETE", Path("bad")));
    ExpectTold(Send("POST", Path("bad") + "/restore", R"({"uid":"uid-bad"})"));
    ASSERT_TRUE(store_.Delete({"asyncactors", "default", "bad"}, {}, {"ada", "", "delete", false}).ok());
  }
}

TEST_F(Damage, GetsAndListsFailAndNameIt) {
  ASSERT_EQ(Create(Actor("good")).status, 201);
  Put("bad", kStored[2]);
  const HeaderList table = {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"}};
  ExpectTold(Get(Path("bad")));
  ExpectTold(Get(Path("bad"), table));
  ExpectTold(Get(kActors));
  ExpectTold(Get(kActors, table));
  ExpectTold(Get("/apis/asya.sh/v1alpha1/asyncactors?limit=5"));
  EXPECT_EQ(Get(Path("good")).status, 200);
  EXPECT_EQ(Get("/apis/asya.sh/v1alpha1/namespaces/other/asyncactors").status, 200);
}

TEST_F(Damage, AWatchGoesOnWithoutIt) {
  const auto watch = Watch("resourceVersion=" + Head());
  Put("bad", kStored[2]);
  ASSERT_EQ(Create(Actor("good")).status, 201);
  EXPECT_EQ(Summary(watch->Events(1)), "ADDED good");
}

}  // namespace
}  // namespace asya::apiserver
