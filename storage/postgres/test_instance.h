// One store with its own connections, as one process has it. For tests of storage/postgres only.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "storage/postgres/object_store.h"
#include "storage/postgres/schema.h"
#include "tests/support/postgres_schema.h"

namespace asya::storage::postgres {

inline constexpr std::size_t kMirrorBytes = 1U << 20U;

inline ObjectStoreSettings With(const BroadcasterSettings& broadcaster, std::size_t mirror_bytes,
                                observe::Metrics* metrics = nullptr) {
  ObjectStoreSettings settings;
  settings.broadcaster = broadcaster;
  settings.mirror_bytes_max = mirror_bytes;
  settings.metrics = metrics;
  return settings;
}

class Instance {
 public:
  explicit Instance(const tests::PostgresSchema& schema, const BroadcasterSettings& settings = {},
                    std::size_t mirror_bytes = kMirrorBytes)
      : database_(sql::postgres::Database::Open(schema.settings(), Migrations()).value()),
        store_(*database_, RealClock(), With(settings, mirror_bytes, &metrics_)) {
    EXPECT_TRUE(store_.Start().ok());
  }
  ObjectStore& store() { return store_; }
  sql::postgres::Database& database() { return *database_; }
  [[nodiscard]] std::string Metrics() const { return metrics_.Text(); }

 private:
  observe::Metrics metrics_;
  std::unique_ptr<sql::postgres::Database> database_;
  ObjectStore store_;
};

inline ports::Record MakeRecord(const std::string& namespace_, const std::string& name) {
  ports::Record record;
  record.key = {"asyncactors", namespace_, name};
  record.uid = "uid-" + namespace_ + "-" + name;
  record.json = std::make_shared<const std::string>(R"({"metadata":{}})");
  return record;
}

}  // namespace asya::storage::postgres
