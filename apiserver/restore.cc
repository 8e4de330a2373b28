#include <algorithm>
#include <array>
#include <utility>

#include "apiserver/body.h"
#include "apiserver/create.h"
#include "apiserver/object.h"
#include "apiserver/revision.h"
#include "apiserver/verbs.h"
#include "apiserver/write.h"

namespace asya::apiserver {
namespace {

using ports::HistoryEntry;

constexpr int kRestoreAttempts = 5;  // against writers that come in between
constexpr std::array<std::string_view, 5> kMembers = {"apiVersion", "kind", "revision", "uid", "resourceVersion"};
// It was meant for the deletion that is being undone.
constexpr const char* kForceDelete = "asya.sh/force-delete";

struct RestoreRequest {
  std::optional<ports::Revision> revision;  // nullopt: the last one of `uid`
  std::optional<std::string> uid;           // of the object whose revision it is
  std::string resource_version;             // what is there has to have; empty: whatever is there
};

StatusError Wrong(const Call& call, const char* field, const char* reason, const std::string& message) {
  return Invalid(*call.resource, call.info.name, {{field, reason, message}});
}

Outcome<std::string> TextOf(const Call& call, const json::Value& body, const char* member) {
  const json::Value* value = body.Find(member);
  if (value == nullptr || value->IsNull()) return std::string();
  if (value->IsInt()) return std::to_string(value->AsInt());
  if (value->IsString()) return value->AsString();
  return Wrong(call, member, "FieldValueTypeInvalid",
               std::string("Invalid value: \"") + value->TypeName() + "\": must be a string");
}

Outcome<RestoreRequest> Read(const Context& context, Call& call, const WriteOptions& options) {
  json::Value body = json::Object{};
  if (!call.request.body.empty()) {
    ASYA_TRY(body, DecodeObject(context, call, options));
  }
  for (const auto& [name, value] : body.AsObject()) {
    // Whatever the field validation: a slip here would restore something else.
    if (std::find(kMembers.begin(), kMembers.end(), name) != kMembers.end()) continue;
    return BadRequest("unknown field \"" + name + "\"; revision, uid and resourceVersion are accepted");
  }
  if (body.GetString("kind").value_or("Restore") != "Restore" ||
      body.GetString("apiVersion").value_or(call.resource->ApiVersion()) != call.resource->ApiVersion()) {
    return BadRequest("the body must be of kind Restore in " + call.resource->ApiVersion());
  }
  RestoreRequest request;
  ASYA_TRY(const std::string revision, TextOf(call, body, "revision"));
  ASYA_TRY(const std::string uid, TextOf(call, body, "uid"));
  ASYA_TRY(request.resource_version, TextOf(call, body, "resourceVersion"));
  if (!uid.empty()) request.uid = uid;
  if (!revision.empty()) {
    const auto number = ParseRevision(revision);
    if (!number || *number == 0) {
      return Wrong(call, "revision", "FieldValueInvalid",
                   "Invalid value: " + json::Quote(revision) + ": a number of the object's history is accepted");
    }
    request.revision = ports::Revision(*number);
  } else if (!request.uid) {
    return Wrong(
        call, "revision", "FieldValueRequired",
        "Required value: a revision of the object's history, or the uid of an object whose last state is meant");
  }
  return request;
}

// What people wrote of it, with the annotation of `kubectl apply`, which has to go with it.
json::Value RestoredFrom(const HistoryEntry& entry) {
  const json::Value old = ObjectOf(entry);
  json::Value restored = ContentOf(old);
  json::Value& metadata = MetadataOf(restored);
  const json::Value* annotations = old.FindPath({"metadata", "annotations"});
  if (annotations == nullptr || !annotations->IsObject()) return restored;
  metadata["annotations"] = *annotations;
  metadata["annotations"].AsObject().erase(kForceDelete);
  return restored;
}

Outcome<http::Response> RestoreOver(const Context& context, Call& call, const WriteOptions& options,
                                    const RestoreRequest& request, const HistoryEntry& entry,
                                    const ports::Record& record, bool& raced) {
  ASYA_TRY(const json::Value live, StoredObjectOf(record));
  if (IsDeleting(live)) {
    return Conflict(*call.resource, call.info.name, "it is being deleted; restore it when it is gone");
  }
  json::Value object = RestoredFrom(entry);
  for (const char* member : {"finalizers", "ownerReferences"}) {
    const json::Value* value = live.Find("metadata")->Find(member);
    if (value != nullptr) MetadataOf(object)[member] = *value;
  }
  if (!request.resource_version.empty()) MetadataOf(object)["resourceVersion"] = request.resource_version;
  ASYA_TRY(const Written written, Write(context, call, options, record, std::move(object), Part::kSpec));
  raced = written.raced;
  if (raced) return Modified(*call.resource, call.info.name);
  const std::string revision = "revision " + std::to_string(entry.revision.get());
  if (entry.uid != record.uid) {
    call.Warn(revision + " is of an earlier object of this name (uid " + entry.uid +
              "); the present one took its spec");
  }
  if (written.bytes == BytesOf(record)) call.Warn("nothing was written: the object is as in " + revision);
  return AnswerObject(context, call, 200, written.bytes);
}

Outcome<http::Response> TryRestore(const Context& context, Call& call, const WriteOptions& options,
                                   const RestoreRequest& request, const HistoryEntry& entry, bool& raced) {
  const auto record = context.store.Get(call.Key());
  if (record.ok()) return RestoreOver(context, call, options, request, entry, *record, raced);
  if (record.error().code != ErrorCode::kNotFound) return FromStore(record.error(), *call.resource, call.info.name);
  if (!request.resource_version.empty()) {
    return Conflict(*call.resource, call.info.name, "the object is gone; leave resourceVersion out to create it again");
  }
  auto created = CreateFrom(context, call, options, RestoredFrom(entry), Ownership::kTracked);
  raced = !created.ok() && created.error().reason == "AlreadyExists";
  return created;
}

}  // namespace

// A new write of what an old one wrote. What controllers own (status, finalizers, owners) stays as it is.
Outcome<http::Response> RestoreObject(const Context& context, Call& call) {
  ASYA_TRY(const WriteOptions options, ParseWriteOptions(call.request, "UpdateOptions"));
  ASYA_TRY(const RestoreRequest request, Read(context, call, options));
  ASYA_TRY(const HistoryEntry entry, request.revision ? FindRevision(context, call, request.uid, *request.revision)
                                                      : LastRevision(context, call, request.uid));
  // From here on it is a write of the object itself.
  Call write = call;
  write.info.verb = kRestorePart;
  write.info.subresource.clear();
  for (int attempt = 1;; ++attempt) {
    bool raced = false;
    auto answer = TryRestore(context, write, options, request, entry, raced);
    if (raced && attempt < kRestoreAttempts && request.resource_version.empty()) continue;
    call.warnings = std::move(write.warnings);
    return answer;
  }
}

}  // namespace asya::apiserver
