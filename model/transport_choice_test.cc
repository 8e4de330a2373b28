#include "model/transport_choice.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::model {
namespace {

json::Value Transport(const std::string& name, const std::string& mark = "") {
  return json::Parse(R"({"metadata":{"name":")" + name + R"("},"spec":{"type":"sqlite")" + mark + "}}").value();
}

constexpr const char* kMark = R"(,"default":true)";

// The name of the one that is chosen, or what is wrong.
std::string Chosen(const std::string& actor, const std::vector<json::Value>& transports,
                   const json::Value& fallback = {}) {
  const auto chosen = ChooseTransport(json::Parse(actor).value(), transports, fallback);
  if (!chosen.ok()) return chosen.error().field + ": " + chosen.error().message;
  return *chosen->Find("metadata")->GetString("name");
}

TEST(TransportChoice, TheNamedOneThenTheDefaultThenTheFallback) {
  const std::vector<json::Value> transports = {Transport("a"), Transport("b", kMark)};
  const json::Value built_in = Transport("local");
  EXPECT_EQ(Chosen(R"({"spec":{"transport":"a"}})", transports, built_in), "a");
  EXPECT_EQ(Chosen(R"({"spec":{"transport":"local"}})", transports, built_in), "local");
  EXPECT_EQ(Chosen(R"({"spec":{"transport":"c"}})", transports, built_in), "spec.transport: there is no Transport c");
  EXPECT_EQ(Chosen(R"({"spec":{},"status":{"transport":"a"}})", transports, built_in), "b");
  EXPECT_EQ(Chosen("{}", {Transport("a")}, built_in), "local") << "the only one is no default";
  const auto stored = ChooseTransport(json::Object{}, {Transport("a"), Transport("local", R"(,"note":1)")}, built_in);
  EXPECT_NE(stored->FindPath({"spec", "note"}), nullptr) << "the stored one may have been changed";
  EXPECT_EQ(Chosen("{}", {Transport("a", R"(,"default":false)")}),
            "spec.transport: no Transport is marked as default; name one in spec.transport");
}

TEST(TransportChoice, SeveralDefaultsMoveNobody) {
  const std::vector<json::Value> transports = {Transport("c"), Transport("b", kMark), Transport("a", kMark)};
  const std::string problem =
      "spec.default: Transports a and b are all marked as default, and only one may be; name one in spec.transport, or "
      "unmark the others";
  EXPECT_EQ(Chosen("{}", transports, Transport("local")), problem);
  EXPECT_EQ(Chosen(R"({"status":{"transport":"b"}})", transports), "b");
  EXPECT_EQ(Chosen(R"({"status":{"transport":"c"}})", transports), "c");
  EXPECT_EQ(Chosen(R"({"status":{"transport":"gone"}})", transports), problem);
  EXPECT_EQ(Chosen(R"({"spec":{"transport":"a"},"status":{"transport":"b"}})", transports), "a");
}

}  // namespace
}  // namespace asya::model
