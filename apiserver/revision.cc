#include "apiserver/revision.h"

#include <utility>

#include "apiserver/last_applied.h"
#include "apiserver/object.h"
#include "apiserver/options.h"
#include "core/json/parse.h"

namespace asya::apiserver {
namespace {

using ports::HistoryEntry;
using ports::Revision;

constexpr const char* kShownMetadata[] = {"name", "namespace", "labels", "annotations"};

StatusError NoSuchRevision(const Call& call, Revision revision, const std::string& hint) {
  StatusError error = NotFound(*call.resource, call.info.name);
  error.message = call.resource->Qualified() + " \"" + call.info.name + "\" has no revision " +
                  std::to_string(revision.get()) + " in its history" + hint;
  return error;
}

// At most one.
Outcome<std::optional<HistoryEntry>> Newest(const Context& context, const Call& call,
                                            const std::optional<std::string>& uid, std::optional<Revision> upto) {
  auto found = context.store.History({call.Key(), uid, upto, std::nullopt, 1});
  if (!found.ok()) return FromStore(found.error(), *call.resource, call.info.name);
  if (found->empty()) return std::optional<HistoryEntry>();
  ASYA_TRY([[maybe_unused]] const Done checked, CheckEntry(found->front()));
  return std::optional<HistoryEntry>(std::move(found->front()));
}

}  // namespace

json::Value ContentOf(json::Value object) {
  object.AsObject().erase("status");
  json::Object metadata;
  for (const char* member : kShownMetadata) {
    if (json::Value* value = MetadataOf(object).Find(member)) metadata[member] = std::move(*value);
  }
  json::Value content = std::move(object);
  content["metadata"] = std::move(metadata);
  json::Value* annotations = content["metadata"].Find("annotations");
  if (annotations == nullptr || !annotations->IsObject()) return content;
  annotations->AsObject().erase(kLastApplied);
  if (annotations->AsObject().empty()) content["metadata"].AsObject().erase("annotations");
  return content;
}

Outcome<Done> CheckEntry(const HistoryEntry& entry) {
  const auto object = ParseStored(entry.key, *entry.json);
  if (!object.ok()) return object.error();
  return Done{};
}

json::Value ObjectOf(const HistoryEntry& entry) { return ParseStored(entry.key, *entry.json).value(); }

bool Deletes(const HistoryEntry& entry) {
  return entry.author.verb == "delete" || entry.author.verb == "deletecollection" || IsDeleting(ObjectOf(entry));
}

json::Object HeadOf(const HistoryEntry& entry) {
  return json::Object{{"revision", std::to_string(entry.revision.get())},
                      {"time", FormatRfc3339(entry.at, true)},
                      {"uid", entry.uid},
                      {"user", entry.author.user},
                      {"userAgent", entry.author.user_agent},
                      {"verb", entry.author.verb},
                      {"deleted", Deletes(entry)}};
}

void PutChanges(const Resource& resource, const json::Value& before, const json::Value& after, json::Object& shown) {
  PutChanges(model::Changes(resource.kind.schema, before, after), shown);
}

void PutChanges(std::vector<model::Change> changes, json::Object& shown) {
  json::Array list;
  std::int64_t left_out = 0;
  for (model::Change& change : changes) {
    if (list.size() == kChangesShownMax) {
      ++left_out;
      continue;
    }
    json::Object item{{"path", std::move(change.path)}};
    if (change.before) item["old"] = std::move(*change.before);
    if (change.after) item["new"] = std::move(*change.after);
    list.push_back(std::move(item));
  }
  shown["changes"] = std::move(list);
  if (left_out > 0) shown["changesLeftOut"] = left_out;
}

std::optional<std::string> UidOf(const Call& call) {
  auto uid = call.request.Query("uid");
  if (uid && uid->empty()) uid.reset();
  return uid;
}

Outcome<Revision> ParseRevisionNumber(const std::string& name, const std::string& text) {
  const auto number = ParseRevision(text);
  if (!number || *number == 0) {
    return BadRequest(name + ": \"" + text + "\" is no revision; a number of the object's history is accepted");
  }
  return Revision(*number);
}

Outcome<HistoryEntry> FindRevision(const Context& context, const Call& call, const std::optional<std::string>& uid,
                                   Revision revision) {
  ASYA_TRY(auto found, Newest(context, call, uid, revision));
  if (found && found->revision == revision) return std::move(*found);
  if (found) {
    return NoSuchRevision(call, revision, "; the one before it is " + std::to_string(found->revision.get()));
  }
  ASYA_TRY(const auto newest, Newest(context, call, uid, std::nullopt));
  if (!newest) return NotFound(*call.resource, call.info.name);
  return NoSuchRevision(call, revision, "; the newest is " + std::to_string(newest->revision.get()));
}

Outcome<HistoryEntry> LastRevision(const Context& context, const Call& call, const std::optional<std::string>& uid) {
  ASYA_TRY(auto found, Newest(context, call, uid, std::nullopt));
  if (!found) return NotFound(*call.resource, call.info.name);
  return std::move(*found);
}

Outcome<std::optional<HistoryEntry>> RevisionBefore(const Context& context, const Call& call,
                                                    const HistoryEntry& entry) {
  return Newest(context, call, entry.uid, Revision(entry.revision.get() - 1));
}

}  // namespace asya::apiserver
