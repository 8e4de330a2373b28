#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

constexpr const char* kTransports = "/apis/asya.sh/v1alpha1/transports";

class OneDefaultTest : public TestApi {
 protected:
  Answer Make(const std::string& name, const std::string& mark) {
    return Send("POST", kTransports,
                R"({"apiVersion":"asya.sh/v1alpha1","kind":"Transport","metadata":{"name":")" + name +
                    R"("},"spec":{"type":"sqlite","default":)" + mark + "}}");
  }
  Answer Mark(const std::string& name, const std::string& mark) {
    return TestApi::Merge(std::string(kTransports) + "/" + name, R"({"spec":{"default":)" + mark + "}}");
  }
};

TEST_F(OneDefaultTest, ASecondDefaultIsRefusedWithTheNameOfTheFirst) {
  ASSERT_EQ(Make("a", "true").status, 201);
  const Answer second = Make("b", "true");
  EXPECT_EQ(second.status, 422);
  EXPECT_EQ(second.At("/details/causes/0/field"), "spec.default");
  EXPECT_EQ(second.At("/details/causes/0/message"),
            "Invalid value: true: Transport \"a\" is the default, and only one may be; set its spec.default to false "
            "first");
  ASSERT_EQ(Make("b", "false").status, 201);
  EXPECT_EQ(Mark("b", "true").status, 422);
  EXPECT_EQ(Mark("a", "false").status, 200);
  EXPECT_EQ(Mark("b", "true").status, 200);
  EXPECT_EQ(Mark("a", "true").status, 422);
}

TEST_F(OneDefaultTest, OfTwoThatAreThereEachCanBeWrittenOn) {
  ASSERT_EQ(Make("a", "true").status, 201);
  // As an earlier version, or another server at the same moment, has made it.
  ports::Record record = store_.Get({"transports", "", "a"}).value();
  json::Value second = json::Parse(*record.json).value();
  second["metadata"]["name"] = "b";
  record.key.name = "b";
  record.json = std::make_shared<const std::string>(json::Dump(second));
  ASSERT_TRUE(store_.Create(record, {"ada", "", "create"}).ok());
  const std::string labels = R"({"metadata":{"labels":{"seen":"yes"}}})";
  EXPECT_EQ(TestApi::Merge(std::string(kTransports) + "/b", labels).status, 200);
  EXPECT_EQ(Mark("b", "false").status, 200);
  EXPECT_EQ(Mark("b", "true").status, 422);
}

}  // namespace
}  // namespace asya::apiserver
