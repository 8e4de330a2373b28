// Holds the definitions to what the validation of apiextensions.k8s.io/v1 asks of a structural schema.
#include "model/crd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace asya::model {
namespace {

using Place = const std::string&;

// What may stand in a schema of ours; anything else is refused, or dropped without a word. No `default`: a stored one
// would hide every flavor.
const std::set<std::string, std::less<>> kKnown = {"additionalProperties",
                                                   "anyOf",
                                                   "description",
                                                   "enum",
                                                   "format",
                                                   "items",
                                                   "maxItems",
                                                   "maxLength",
                                                   "maximum",
                                                   "minimum",
                                                   "properties",
                                                   "required",
                                                   "type",
                                                   "x-kubernetes-int-or-string",
                                                   "x-kubernetes-list-map-keys",
                                                   "x-kubernetes-list-type",
                                                   "x-kubernetes-map-type",
                                                   "x-kubernetes-preserve-unknown-fields"};

bool Has(const json::Value& schema, const char* extension) { return schema.GetBool(extension).value_or(false); }

bool Contains(const json::Value* names, const json::Value& name) {
  if (names == nullptr) return false;
  return std::find(names->AsArray().begin(), names->AsArray().end(), name) != names->AsArray().end();
}

void CheckType(const json::Value& schema, Place at) {
  const std::string type = schema.GetString("type").value_or("");
  if (Has(schema, "x-kubernetes-int-or-string")) {
    EXPECT_EQ(type, "") << at << ": has no type beside int-or-string";
    EXPECT_EQ(json::Dump(*schema.Find("anyOf")), R"([{"type":"integer"},{"type":"string"}])") << at;
    return;
  }
  EXPECT_EQ(schema.Find("anyOf"), nullptr) << at << ": types in value validations are forbidden";
  if (Has(schema, "x-kubernetes-preserve-unknown-fields")) {
    EXPECT_TRUE(type.empty() || type == "object") << at << ": only objects keep unknown fields";
    return;
  }
  EXPECT_TRUE((std::set<std::string>{"string", "integer", "number", "boolean", "object", "array"}.contains(type)))
      << at << ": every node has a type, but has \"" << type << "\"";
}

void CheckKeys(const json::Value& list, Place at) {
  const json::Value* keys = list.Find("x-kubernetes-list-map-keys");
  ASSERT_NE(keys, nullptr) << at;
  const json::Value& item = *list.Find("items");
  EXPECT_EQ(item.GetString("type"), "object") << at;
  for (const json::Value& key : keys->AsArray()) {
    const json::Value* property = item.FindPath({"properties", key.AsString()});
    ASSERT_NE(property, nullptr) << at << ": a key has to be a property";
    const std::string type = property->GetString("type").value_or("");
    EXPECT_TRUE(type == "string" || type == "integer" || type == "boolean") << at << ": keys are scalars";
    EXPECT_TRUE(Contains(item.Find("required"), key)) << at << ": a key without a default has to be required";
  }
}

void CheckList(const json::Value& list, Place at) {
  ASSERT_NE(list.Find("items"), nullptr) << at;
  const std::string type = list.GetString("x-kubernetes-list-type").value_or("");
  const std::string of = list.Find("items")->GetString("type").value_or("");
  if (type == "map") return CheckKeys(list, at);
  EXPECT_EQ(list.Find("x-kubernetes-list-map-keys"), nullptr) << at;
  EXPECT_TRUE(type == "set" || type == "atomic") << at;
  EXPECT_TRUE(type != "set" || of == "string" || of == "integer") << at << ": a set is of scalars";
}

void CheckObject(const json::Value& object, Place at) {
  const json::Value* properties = object.Find("properties");
  EXPECT_TRUE(properties == nullptr || object.Find("additionalProperties") == nullptr) << at << ": one or the other";
  if (const json::Value* required = object.Find("required")) {
    for (const json::Value& name : required->AsArray()) {
      EXPECT_TRUE(properties != nullptr && properties->Find(name.AsString()) != nullptr) << at << name.AsString();
    }
  }
}

void CheckStructural(const json::Value& schema, Place at) {
  for (const auto& [member, value] : schema.AsObject()) EXPECT_TRUE(kKnown.contains(member)) << at << ": " << member;
  CheckType(schema, at);
  const std::string type = schema.GetString("type").value_or("");
  if (type == "array") CheckList(schema, at);
  if (type == "object") CheckObject(schema, at);
  EXPECT_TRUE(type == "array" || schema.Find("items") == nullptr) << at;
  EXPECT_TRUE(type == "object" || schema.Find("properties") == nullptr) << at;
  EXPECT_TRUE(type == "object" || schema.Find("x-kubernetes-map-type") == nullptr) << at;
  if (const json::Value* properties = schema.Find("properties")) {
    for (const auto& [name, property] : properties->AsObject()) CheckStructural(property, at + "." + name);
  }
  for (const char* inner : {"items", "additionalProperties"}) {
    if (const json::Value* below = schema.Find(inner)) CheckStructural(*below, at + "." + inner);
  }
}

const json::Value& VersionOf(const json::Value& definition) {
  return definition.FindPath({"spec", "versions"})->AsArray().front();
}

class Crd : public ::testing::TestWithParam<std::string> {
 protected:
  const KindInfo& kind_ = *FindKindByName(GetParam());
  const json::Value definition_ = CustomResourceDefinition(kind_);
};

TEST_P(Crd, HasAStructuralSchema) {
  const json::Value* schema = VersionOf(definition_).FindPath({"schema", "openAPIV3Schema"});
  ASSERT_NE(schema, nullptr);
  CheckStructural(*schema, GetParam());
  EXPECT_EQ(schema->GetString("type"), "object");
  EXPECT_EQ(json::Dump(*schema->FindPath({"properties", "metadata"})), R"({"type":"object"})")
      << "metadata is implied and may not be described";
}

TEST_P(Crd, IsNamedAsTheApiServesIt) {
  EXPECT_EQ(definition_.FindPath({"metadata", "name"})->AsString(), kind_.plural + ".asya.sh");
  EXPECT_EQ(definition_.FindPath({"spec", "names", "kind"})->AsString(), GetParam());
  EXPECT_EQ(definition_.FindPath({"spec", "names", "listKind"})->AsString(), GetParam() + "List");
  EXPECT_EQ(definition_.FindPath({"spec", "scope"})->AsString(), kind_.namespaced ? "Namespaced" : "Cluster");
  EXPECT_NE(json::Dump(*definition_.FindPath({"spec", "names", "categories"})).find("asya-all"), std::string::npos);
  EXPECT_EQ(VersionOf(definition_).FindPath({"subresources", "status"}) != nullptr, kind_.has_status);
}

TEST_P(Crd, FitsIntoTheAnnotationOfApply) {
  constexpr std::size_t kAnnotationsLimitBytes = 256U << 10U;  // of kubectl apply without --server-side
  EXPECT_LT(json::Dump(definition_).size(), kAnnotationsLimitBytes);
}

TEST_P(Crd, PrintsTheColumnsOfTheApiButTheName) {
  const json::Value* columns = VersionOf(definition_).Find("additionalPrinterColumns");
  ASSERT_NE(columns, nullptr);
  EXPECT_EQ(columns->AsArray().size(), kind_.columns.size() - 1);
  for (const json::Value& column : columns->AsArray()) {
    EXPECT_EQ(column.GetString("jsonPath")->front(), '.') << json::Dump(column);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Crd,
                         ::testing::Values("AsyncActor", "Flavor", "Transport", "Flow", "Composition", "Function"),
                         [](const auto& one) { return one.param; });

TEST(ActorCrd, HasStatusScaleAndShortNames) {
  const json::Value definition = CustomResourceDefinition(*FindKind("asyncactors"));
  EXPECT_EQ(json::Dump(*definition.FindPath({"spec", "names", "shortNames"})), R"(["asya","actor"])");
  EXPECT_EQ(json::Dump(*VersionOf(definition).Find("subresources")),
            R"({"scale":{"specReplicasPath":".spec.replicas",)"
            R"("statusReplicasPath":".status.infrastructure.workload.replicas"},"status":{}})");
  EXPECT_NE(json::Dump(definition).find(R"(.status.conditions[?(@.type==\"Ready\")].status)"), std::string::npos);
}

}  // namespace
}  // namespace asya::model
