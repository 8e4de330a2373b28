#include "server/bootstrap.h"

#include <gtest/gtest.h>

#include <string>

#include "core/json/parse.h"
#include "storage/memory/object_store.h"

namespace asya::server {
namespace {

class BootstrapTest : public ::testing::Test {
 protected:
  void Begin() { ASSERT_TRUE(Bootstrap(store_, RealClock(), "local", json::Object{{"type", "sqlite"}}).ok()); }
  void Store(const std::string& name, const std::string& spec, int generation = 1) {
    ports::Record record;
    record.key = {"transports", "", name};
    record.uid = name;
    record.json = std::make_shared<const std::string>(R"({"kind":"Transport","metadata":{"name":")" + name +
                                                      R"(","generation":)" + std::to_string(generation) +
                                                      R"(},"spec":)" + spec + "}");
    ASSERT_TRUE(store_.Create(std::move(record), {"u", "a", "create", true}).ok());
  }
  std::string Spec(const std::string& name) {
    const auto record = store_.Get({"transports", "", name});
    return record.ok() ? json::Dump(*json::Parse(*record->json)->Find("spec")) : "none";
  }

  storage::memory::ObjectStore store_{RealClock()};
};

constexpr const char* kMarked = R"({"default":true,"type":"sqlite"})";

TEST_F(BootstrapTest, ANewStoreBeginsWithATransportThatIsNotMarked) {
  Begin();
  EXPECT_EQ(Spec("local"), R"({"type":"sqlite"})");
  const auto head = store_.Head();
  Begin();
  EXPECT_EQ(store_.Head().value(), head.value()) << "nothing is written again";
}

TEST_F(BootstrapTest, TheMarkOfAnEarlierVersionGoes) {
  Store("local", kMarked);
  Store("rabbit", R"({"type":"rabbitmq"})");
  Begin();
  EXPECT_EQ(Spec("local"), R"({"type":"sqlite"})");
  EXPECT_EQ(json::Parse(*store_.Get({"transports", "", "local"})->json)->FindPath({"metadata", "generation"})->AsInt(),
            2);
}

TEST_F(BootstrapTest, AMarkThatSomebodyGaveStays) {
  Store("local", kMarked, 3);
  Begin();
  EXPECT_EQ(Spec("local"), kMarked);
}

TEST_F(BootstrapTest, OfTwoMarksNoneGoes) {
  Store("local", kMarked);
  Store("rabbit", R"({"default":true,"type":"rabbitmq"})");
  Begin();
  EXPECT_EQ(Spec("local"), kMarked) << "its actors would move";
}

}  // namespace
}  // namespace asya::server
