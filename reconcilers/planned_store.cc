#include "reconcilers/planned_store.h"

#include <utility>

#include "reconcilers/resolve.h"

namespace asya::reconcilers {
namespace {

Error ReadOnly() { return Fail(ErrorCode::kForbidden, "a plan writes nothing"); }

std::string TextOf(const json::Value& object, const char* member) {
  const json::Value* value = object.FindPath({"metadata", member});
  return value != nullptr && value->IsString() ? value->AsString() : std::string();
}

bool IsAsked(const ports::ListQuery& query, const ports::Record& record) {
  return record.key.resource == query.resource && (!query.namespace_ || *query.namespace_ == record.key.namespace_) &&
         query.selector.Matches(record);
}

}  // namespace

void PlannedStore::Put(const ports::PlannedWrite& write) {
  ports::Record record;
  record.key = {write.resource, TextOf(write.after, "namespace"), NameOf(write.after)};
  record.uid = TextOf(write.after, "uid");
  record.json = std::make_shared<const std::string>(json::Dump(write.after));
  const ports::ObjectKey key = record.key;
  written_[key] = std::move(record);
}

Result<ports::Record> PlannedStore::Get(const ports::ObjectKey& key) {
  const auto found = written_.find(key);
  if (found != written_.end()) return found->second;
  return now_.Get(key);
}

Result<ports::Page> PlannedStore::List(const ports::ListQuery& query) {
  if (query.limit != 0 || query.after) return ReadOnly();
  ASYA_TRY(const ports::Page stored, now_.List(query));
  std::map<ports::ObjectKey, ports::Record> all;
  for (const auto& record : stored.items) all.emplace(record.key, record);
  for (const auto& [key, record] : written_) {
    if (IsAsked(query, record)) all[key] = record;
  }
  ports::Page page;
  page.revision = stored.revision;
  for (auto& [key, record] : all) page.items.push_back(std::move(record));
  return page;
}

Result<ports::Record> PlannedStore::Create(ports::Record /*record*/, const ports::Author& /*author*/) {
  return ReadOnly();
}
Result<ports::Record> PlannedStore::Update(ports::Record /*record*/, const ports::Precondition& /*precondition*/,
                                           const ports::Author& /*author*/) {
  return ReadOnly();
}
Result<ports::Record> PlannedStore::Delete(const ports::ObjectKey& /*key*/, const ports::Precondition& /*precondition*/,
                                           const ports::Author& /*author*/) {
  return ReadOnly();
}
Result<ports::Revision> PlannedStore::Head() { return now_.Head(); }
Result<std::shared_ptr<void>> PlannedStore::Watch(const ports::WatchQuery& /*query*/, ports::Revision /*from*/,
                                                  std::shared_ptr<ports::WatchSink> /*sink*/) {
  return ReadOnly();
}
Result<std::vector<ports::HistoryEntry>> PlannedStore::History(const ports::HistoryQuery& query) {
  return now_.History(query);
}
Status PlannedStore::Compact(ports::Revision /*upto*/) { return ReadOnly(); }

}  // namespace asya::reconcilers
