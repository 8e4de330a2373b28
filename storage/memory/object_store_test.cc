#include "storage/memory/object_store.h"

#include "storage/conformance/object_store_suite.h"

namespace asya::storage::memory {
namespace {

class Harness final : public conformance::ObjectStoreHarness {
 public:
  explicit Harness(const BroadcasterSettings& settings) : store_(RealClock(), settings) { store_.Start(); }
  ports::ObjectStore& store() override { return store_; }

 private:
  ObjectStore store_;
};

TEST(MemoryObjectStore, StopEndsWatchesWithUnavailable) {
  ObjectStore store(RealClock());
  store.Start();
  const auto sink = std::make_shared<conformance::RecordingSink>();
  const auto watch = store.Watch({"asyncactors", std::nullopt}, *store.Head(), sink);
  ASSERT_TRUE(watch.ok());
  store.Stop();
  store.Stop();
  ASSERT_TRUE(sink->WaitForClose().has_value());
  EXPECT_EQ(sink->WaitForClose()->code, ErrorCode::kUnavailable);
  EXPECT_FALSE(store.Watch({"asyncactors", std::nullopt}, *store.Head(), sink).ok());
}

}  // namespace

using conformance::ObjectStoreImplementation;
using conformance::ObjectStoreSuite;

INSTANTIATE_TEST_SUITE_P(Memory, ObjectStoreSuite,
                         testing::Values(ObjectStoreImplementation{
                             "Memory",
                             [](const BroadcasterSettings& settings) { return std::make_unique<Harness>(settings); }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace asya::storage::memory
