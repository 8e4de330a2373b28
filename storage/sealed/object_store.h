// sealed::ObjectStore: stands before another store and keeps the content of some resources there only in sealed form.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ports/object_store.h"

namespace asya::storage::sealed {

// What seals and opens. Thread safe. `bound_to` is the same for both; what is moved to another object does not open.
class Seal {
 public:
  virtual ~Seal() = default;
  [[nodiscard]] virtual Result<std::string> Close(std::string_view text, std::string_view bound_to) const = 0;
  [[nodiscard]] virtual Result<std::string> Open(std::string_view sealed, std::string_view bound_to) const = 0;
};

// Of a sealed object the store below sees names, labels, owners, times and who manages which field; annotations and
// everything beside metadata only in sealed form. What does not open fails the call, and ends a watch, since nobody
// could tell a list that leaves it out from a whole one.
class ObjectStore final : public ports::ObjectStore {
 public:
  ObjectStore(ports::ObjectStore& inner, std::set<std::string> resources, std::unique_ptr<const Seal> seal);

  Result<ports::Record> Create(ports::Record record, const ports::Author& author) override;
  Result<ports::Record> Update(ports::Record record, const ports::Precondition& precondition,
                               const ports::Author& author) override;
  Result<ports::Record> Delete(const ports::ObjectKey& key, const ports::Precondition& precondition,
                               const ports::Author& author) override;
  Result<ports::Record> Get(const ports::ObjectKey& key) override;
  Result<ports::Record> GetNotOlder(const ports::ObjectKey& key, ports::Revision than) override;
  Result<ports::Page> List(const ports::ListQuery& query) override;
  Result<ports::Revision> Head() override;
  Result<bool> Reached(ports::Revision revision) override;
  Result<std::shared_ptr<void>> Watch(const ports::WatchQuery& query, ports::Revision from,
                                      std::shared_ptr<ports::WatchSink> sink) override;
  Result<std::vector<ports::HistoryEntry>> History(const ports::HistoryQuery& query) override;
  Status Compact(ports::Revision upto) override;

 private:
  class OpeningSink;
  [[nodiscard]] bool Seals(const std::string& resource) const { return resources_.count(resource) > 0; }
  [[nodiscard]] Status CloseRecord(ports::Record& record) const;
  [[nodiscard]] Result<ports::Record> Opened(Result<ports::Record> record) const;

  ports::ObjectStore& inner_;
  const std::set<std::string> resources_;
  const std::shared_ptr<const Seal> seal_;
};

}  // namespace asya::storage::sealed
