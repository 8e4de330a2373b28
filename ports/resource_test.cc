#include "ports/resource.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::ports {
namespace {

json::Value Child() {
  return json::Parse(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"echo","namespace":"team",
    "labels":{"asya.sh/owner-uid":"u1","count":1}},"status":{"conditions":[{"type":"Available","status":"True"}]}})")
      .value();
}

TEST(Resource, HasANameOfFourParts) {
  EXPECT_EQ(RefOf(Child()).value(), (ResourceRef{"apps/v1", "Deployment", "team", "echo"}));
  for (const auto& [member, field] : {std::pair("apiVersion", "apiVersion"), std::pair("kind", "kind")}) {
    json::Value object = Child();
    object.AsObject().erase(member);
    EXPECT_EQ(RefOf(object).error().field, field);
  }
  for (const char* member : {"name", "namespace"}) {
    json::Value object = Child();
    object["metadata"][member] = 7;
    EXPECT_EQ(RefOf(object).error().field, std::string("metadata.") + member);
  }
}

TEST(Resource, TellsOfItsLabelsAndConditions) {
  const json::Value child = Child();
  EXPECT_EQ(LabelOf(child, kOwnerLabel), "u1");
  EXPECT_EQ(LabelOf(child, "count"), "");
  EXPECT_EQ(MetadataOf(child, "name"), "echo");
  EXPECT_EQ(FindCondition(child.Find("status"), "Available")->GetString("status"), "True");
  EXPECT_EQ(FindCondition(child.Find("status"), "Progressing"), nullptr);
  EXPECT_EQ(FindCondition(nullptr, "Available"), nullptr);
}

}  // namespace
}  // namespace asya::ports
