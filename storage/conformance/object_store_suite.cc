#include "storage/conformance/object_store_suite.h"

namespace asya::storage::conformance {

using ports::Event;
using ports::Record;
using ports::Revision;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ObjectStoreSuite);

void RecordingSink::OnEvents(std::span<const Event> events) {
  const std::lock_guard lock(mutex_);
  for (const auto& event : events) {
    if (event.type == Event::Type::kBookmark) {
      bookmark_ = event.record.revision;
    } else {
      events_.push_back(event);
    }
  }
  changed_.notify_all();
}

void RecordingSink::OnClosed(const Error& error) {
  const std::lock_guard lock(mutex_);
  closed_ = error;
  changed_.notify_all();
}

std::vector<Event> RecordingSink::WaitForEvents(std::size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [&] { return events_.size() >= count || closed_.has_value(); });
  return events_;
}

std::optional<Error> RecordingSink::WaitForClose() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [&] { return closed_.has_value(); });
  return closed_;
}

std::optional<Revision> RecordingSink::WaitForBookmark(Revision revision) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [&] { return bookmark_ >= revision; })) return std::nullopt;
  return bookmark_;
}

std::vector<Event> RecordingSink::Events() {
  const std::lock_guard lock(mutex_);
  return events_;
}

void ObjectStoreSuite::Open(const BroadcasterSettings& settings) {
  harness_.reset();
  harness_ = GetParam().make(settings);
  ASSERT_NE(harness_, nullptr);
}

Record ObjectStoreSuite::MakeRecord(const std::string& namespace_, const std::string& name, int generation,
                                    const ports::Labels& labels) {
  Record record;
  record.key = {"asyncactors", namespace_, name};
  record.uid = "uid-" + namespace_ + "-" + name;
  record.labels = labels;
  record.json = std::make_shared<const std::string>(
      R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":")" + name +
      R"("},"spec":{"generation":)" + std::to_string(generation) + "}}");
  return record;
}

Record ObjectStoreSuite::MustCreate(const std::string& namespace_, const std::string& name,
                                    const ports::Labels& labels) {
  auto created = store().Create(MakeRecord(namespace_, name, 1, labels), kAuthor);
  if (created.ok()) return *created;
  ADD_FAILURE() << created.error().message;
  return {};
}

Record ObjectStoreSuite::MustUpdate(const std::string& namespace_, const std::string& name, int generation) {
  auto updated = store().Update(MakeRecord(namespace_, name, generation), {}, kAuthor);
  if (updated.ok()) return *updated;
  ADD_FAILURE() << updated.error().message;
  return {};
}

Record ObjectStoreSuite::MustDelete(const std::string& namespace_, const std::string& name) {
  auto deleted = store().Delete({"asyncactors", namespace_, name}, {}, kAuthor);
  if (deleted.ok()) return *deleted;
  ADD_FAILURE() << deleted.error().message;
  return {};
}

Revision ObjectStoreSuite::Head() {
  auto head = store().Head();
  if (head.ok()) return *head;
  ADD_FAILURE() << head.error().message;
  return {};
}

std::vector<std::string> ObjectStoreSuite::Names(const ports::Records& records) {
  std::vector<std::string> names;
  for (const auto& record : records) names.push_back(record.key.namespace_ + "/" + record.key.name);
  return names;
}

}  // namespace asya::storage::conformance
