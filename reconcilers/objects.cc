#include "reconcilers/objects.h"

#include <utility>

#include "core/base/random.h"
#include "core/json/parse.h"

namespace asya::reconcilers {
namespace {

ports::Precondition As(const Stored& read) { return ports::Precondition{read.record.revision, read.record.uid}; }

ports::Labels LabelsOf(const json::Value& object) {
  ports::Labels labels;
  const json::Value* given = object.FindPath({"metadata", "labels"});
  if (given == nullptr || !given->IsObject()) return labels;
  for (const auto& [name, value] : given->AsObject()) {
    if (value.IsString()) labels[name] = value.AsString();
  }
  return labels;
}

}  // namespace

Result<Stored> Decode(const ports::Record& record) {
  ASYA_TRY(auto object, json::Parse(*record.json));
  return Stored{record, std::move(object)};
}

bool IsBeingDeleted(const json::Value& object) { return object.FindPath({"metadata", "deletionTimestamp"}) != nullptr; }

bool IsSystem(const json::Value& object) {
  const json::Value* labels = object.FindPath({"metadata", "labels"});
  return labels != nullptr && labels->GetString(kSystemLabel) == "true";
}

// Status, finalizers and system actors are no history of a person's work.
ports::Author Objects::AuthorOf(const char* verb) const {
  return ports::Author{user_, "asya-server", verb, keep_deletions_ && std::string_view(verb) == "delete"};
}

Result<std::optional<Stored>> Objects::Get(const std::string& resource, const std::string& namespace_,
                                           const std::string& name) {
  const auto record = store_.Get(ports::ObjectKey{resource, namespace_, name});
  if (!record.ok()) {
    if (record.error().code == ErrorCode::kNotFound) return std::optional<Stored>();
    return record.error();
  }
  ASYA_TRY(auto stored, Decode(*record));
  return std::optional<Stored>(std::move(stored));
}

Result<std::vector<Stored>> Objects::List(const std::string& resource, const std::optional<std::string>& namespace_) {
  ports::ListQuery query;
  query.resource = resource;
  query.namespace_ = namespace_;
  ASYA_TRY(const auto page, store_.List(query));
  std::vector<Stored> all;
  for (const auto& record : page.items) {
    ASYA_TRY(auto stored, Decode(record));
    all.push_back(std::move(stored));
  }
  return all;
}

Status Objects::Create(const std::string& resource, json::Value object) {
  json::Value& metadata = object["metadata"];
  ports::Record record;
  record.uid = NewUuid();
  metadata["uid"] = record.uid;
  metadata["creationTimestamp"] = FormatRfc3339(clock_.Now());
  metadata["generation"] = 1;
  record.key = ports::ObjectKey{resource, metadata.GetString("namespace").value_or(""), *metadata.GetString("name")};
  record.labels = LabelsOf(object);
  record.json = std::make_shared<const std::string>(json::Dump(object));
  const auto created = store_.Create(record, AuthorOf("create"));
  return created.ok() ? Ok() : Status(created.error());
}

Result<Stored> Objects::Write(const Stored& read, json::Value object) {
  return WriteAs("update", read, std::move(object));
}

Result<Stored> Objects::WriteAs(const char* verb, const Stored& read, json::Value object) {
  if (object == read.object) return read;
  ports::Record record = read.record;
  record.labels = LabelsOf(object);
  record.json = std::make_shared<const std::string>(json::Dump(object));
  ASYA_TRY(auto written, store_.Update(record, As(read), AuthorOf(verb)));
  return Stored{std::move(written), std::move(object)};
}

Result<Stored> Objects::WriteStatus(const Stored& read, json::Value status) {
  json::Value object = read.object;
  object["status"] = std::move(status);
  return Write(read, std::move(object));
}

Status Objects::Delete(const Stored& read) {
  const json::Value* finalizers = read.object.FindPath({"metadata", "finalizers"});
  if (finalizers == nullptr || !finalizers->IsArray() || finalizers->AsArray().empty()) {
    const auto deleted = store_.Delete(read.record.key, As(read), AuthorOf("delete"));
    return deleted.ok() ? Ok() : Status(deleted.error());
  }
  if (IsBeingDeleted(read.object)) return Ok();
  json::Value object = read.object;
  object["metadata"]["deletionTimestamp"] = FormatRfc3339(clock_.Now());
  object["metadata"]["deletionGracePeriodSeconds"] = 0;
  const auto written = WriteAs("delete", read, std::move(object));
  return written.ok() ? Ok() : Status(written.error());
}

Status Objects::RemoveFinalizer(const Stored& read, const std::string& finalizer) {
  json::Value object = read.object;
  json::Value* finalizers = object["metadata"].Find("finalizers");
  if (finalizers == nullptr || !finalizers->IsArray()) return Ok();
  std::erase(finalizers->AsArray(), json::Value(finalizer));
  if (finalizers->AsArray().empty()) {
    object["metadata"].AsObject().erase("finalizers");
    if (IsBeingDeleted(object)) {
      const auto deleted = store_.Delete(read.record.key, As(read), AuthorOf("delete"));
      return deleted.ok() || deleted.error().code == ErrorCode::kNotFound ? Ok() : Status(deleted.error());
    }
  }
  const auto written = Write(read, std::move(object));
  return written.ok() ? Ok() : Status(written.error());
}

}  // namespace asya::reconcilers
