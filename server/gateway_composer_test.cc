#include "server/gateway_composer.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::server {
namespace {

ports::ComposeInput Actor() {
  ports::ComposeInput input;
  input.actor =
      json::Parse(R"({"metadata":{"name":"infer","namespace":"n"},"spec":{"image":"a","handler":"m.f"}})").value();
  input.transport = json::Parse(R"({"metadata":{"name":"t"},"spec":{"type":"sqlite"}})").value();
  return input;
}

std::string TextOf(const GatewayComposer& composer) {
  std::string text;
  const auto set = composer.Compose(Actor());
  if (!set.ok()) return set.error().message;
  for (const json::Value& object : set->objects) text += json::Dump(object);
  return text;
}

TEST(GatewayComposer, TellsKedaTheCaWhereNobodyReports) {
  compositions::Settings settings;
  settings.scaler_tls = true;
  std::string pem;
  const auto ca = [&pem]() -> Result<std::string> {
    if (pem.empty()) return Fail(ErrorCode::kUnavailable, "no certificate yet");
    return pem;
  };
  const GatewayComposer alone(settings, ca, false);
  EXPECT_EQ(TextOf(alone), "no certificate yet");
  pem = "PEM";
  EXPECT_NE(TextOf(alone).find(R"({"ca.crt":"PEM"})"), std::string::npos);
  EXPECT_NE(TextOf(alone).find("configMapTargetRef"), std::string::npos);
  EXPECT_EQ(TextOf(alone).find("ASYA_GATEWAY_TOKEN_FILE"), std::string::npos) << "relays report to nobody";
  pem = "NEXT";
  EXPECT_NE(TextOf(alone).find(R"({"ca.crt":"NEXT"})"), std::string::npos);
  EXPECT_NE(TextOf(GatewayComposer(settings, ca, true)).find("ASYA_GATEWAY_TOKEN_FILE"), std::string::npos);
  EXPECT_EQ(TextOf(GatewayComposer(settings, nullptr, false)).find("ca.crt"), std::string::npos);
}

}  // namespace
}  // namespace asya::server
