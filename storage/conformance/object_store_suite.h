// The object-store conformance suite: what every implementation of ports::ObjectStore must do.
// Link asya_storage_conformance and instantiate ObjectStoreSuite with the implementation.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ports/object_store.h"
#include "storage/broadcaster.h"

namespace asya::storage::conformance {

// One fresh, empty, started store and whatever keeps it alive.
class ObjectStoreHarness {
 public:
  virtual ~ObjectStoreHarness() = default;
  virtual ports::ObjectStore& store() = 0;
  // Where something can be put that the store itself would refuse.
  virtual ports::ObjectStore& below() { return store(); }
};

struct ObjectStoreImplementation {
  std::string name;  // for the names of the cases: letters and digits
  std::function<std::unique_ptr<ObjectStoreHarness>(const BroadcasterSettings& settings)> make;
  std::string missing{};  // what the cases are skipped for; empty: nothing
};

// How long a case waits for something that has to happen; passing never depends on it.
inline constexpr std::chrono::seconds kPatience{30};

// Records what a watch was told.
class RecordingSink : public ports::WatchSink {
 public:
  void OnEvents(std::span<const ports::Event> events) override;
  void OnClosed(const Error& error) override;

  // Everything but bookmarks, once there are at least `count`, or after kPatience what there is.
  std::vector<ports::Event> WaitForEvents(std::size_t count);
  // The error that the watch ended with.
  std::optional<Error> WaitForClose();
  // The first bookmark at or above `revision`.
  std::optional<ports::Revision> WaitForBookmark(ports::Revision revision);
  std::vector<ports::Event> Events();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ports::Event> events_;
  ports::Revision bookmark_;
  std::optional<Error> closed_;
};

class ObjectStoreSuite : public testing::TestWithParam<ObjectStoreImplementation> {
 protected:
  void SetUp() override {
    if (!GetParam().missing.empty()) GTEST_SKIP() << GetParam().missing;
    Open({});
  }
  // Replaces the store with a fresh one.
  void Open(const BroadcasterSettings& settings);
  ports::ObjectStore& store() { return harness_->store(); }
  ports::ObjectStore& below() { return harness_->below(); }

  static ports::Record MakeRecord(const std::string& namespace_, const std::string& name, int generation = 1,
                                  const ports::Labels& labels = {});
  // Fails the case when the write is refused.
  ports::Record MustCreate(const std::string& namespace_, const std::string& name, const ports::Labels& labels = {});
  ports::Record MustUpdate(const std::string& namespace_, const std::string& name, int generation);
  ports::Record MustDelete(const std::string& namespace_, const std::string& name);
  ports::Revision Head();
  // "namespace/name" of each, in order.
  static std::vector<std::string> Names(const ports::Records& records);

  std::unique_ptr<ObjectStoreHarness> harness_;
};

inline const ports::Author kAuthor{"alice", "suite/1.0", "update", true};
inline const ports::Author kStatusAuthor{"controller", "suite/1.0", "update", false};

}  // namespace asya::storage::conformance
