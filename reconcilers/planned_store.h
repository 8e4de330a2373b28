// PlannedStore: the objects of a store as they would be after some writes. Nothing can be written to it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ports/object_store.h"
#include "ports/planning.h"

namespace asya::reconcilers {

// For Get and for List without pages; everything else is refused. Not thread safe.
class PlannedStore final : public ports::ObjectStore {
 public:
  // `now` lives longer.
  explicit PlannedStore(ports::ObjectStore& now) : now_(now) {}
  void Put(const ports::PlannedWrite& write);

  Result<ports::Record> Get(const ports::ObjectKey& key) override;
  Result<ports::Page> List(const ports::ListQuery& query) override;

  Result<ports::Record> Create(ports::Record record, const ports::Author& author) override;
  Result<ports::Record> Update(ports::Record record, const ports::Precondition& precondition,
                               const ports::Author& author) override;
  Result<ports::Record> Delete(const ports::ObjectKey& key, const ports::Precondition& precondition,
                               const ports::Author& author) override;
  Result<ports::Revision> Head() override;
  Result<std::shared_ptr<void>> Watch(const ports::WatchQuery& query, ports::Revision from,
                                      std::shared_ptr<ports::WatchSink> sink) override;
  Result<std::vector<ports::HistoryEntry>> History(const ports::HistoryQuery& query) override;
  Status Compact(ports::Revision upto) override;

 private:
  ports::ObjectStore& now_;
  std::map<ports::ObjectKey, ports::Record> written_;
};

}  // namespace asya::reconcilers
