#include "scaling/scaled_object_ref.h"

#include <gtest/gtest.h>

namespace asya::scaling {
namespace {

ScaledObjectRef Ref(std::map<std::string, std::string> metadata) { return {"infer", "vision", std::move(metadata)}; }

std::string FieldOf(const ScaledObjectRef& ref) {
  const auto key = ActorOf(ref);
  EXPECT_FALSE(key.ok());
  EXPECT_EQ(key.error().code, ErrorCode::kInvalid);
  return key.error().field;
}

TEST(ScaledObjectRef, NamesAnActorOfItsNamespace) {
  const auto key = ActorOf(Ref({{"actor", "infer"},
                                {"namespace", "vision"},
                                {"queue", "asya-vision-infer"},
                                {"scalerAddress", "asya-scaler:6000"},
                                {"enableTLS", "true"}}));
  ASSERT_TRUE(key.ok()) << key.error().message;
  EXPECT_EQ(*key, (ActorKey{"vision", "infer"}));
  EXPECT_TRUE(ActorOf(Ref({{"actor", "infer"}})).ok()) << "KEDA says the namespace";
}

TEST(ScaledObjectRef, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(FieldOf(Ref({})), "scalerMetadata.actor");
  EXPECT_EQ(FieldOf(Ref({{"actor", "infer"}, {"queueLength", "5"}})), "scalerMetadata.queueLength");
  EXPECT_EQ(FieldOf(Ref({{"actor", "infer"}, {"", ""}})), "scalerMetadata.");
  EXPECT_EQ(FieldOf(Ref({{"actor", "infer"}, {"namespace", "speech"}})), "scalerMetadata.namespace");
  EXPECT_EQ(FieldOf(Ref({{"actor", std::string(kMetadataValueBytesMax + 1, 'a')}})), "scalerMetadata.actor");
  EXPECT_EQ(FieldOf({"infer", "", {{"actor", "infer"}}}), "namespace");
  std::map<std::string, std::string> many;
  for (std::size_t i = 0; i <= kMetadataEntriesMax; ++i) many["key" + std::to_string(i)] = "x";
  EXPECT_EQ(FieldOf(Ref(many)), "scalerMetadata");
}

TEST(ScaledObjectRef, TellsWhatIsAcceptedAndNothingLong) {
  const auto key = ActorOf(Ref({{"actor", "infer"}, {std::string(5000, 'k'), "x"}}));
  ASSERT_FALSE(key.ok());
  EXPECT_NE(key.error().message.find("actor, namespace, queue"), std::string::npos);
  EXPECT_LT(key.error().field.size() + key.error().message.size(), 300U);
}

}  // namespace
}  // namespace asya::scaling
