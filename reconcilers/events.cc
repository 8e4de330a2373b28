#include "reconcilers/events.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "core/base/sha256.h"
#include "core/base/utf8.h"
#include "core/json/parse.h"

namespace asya::reconcilers {
namespace {

constexpr const char* kComponent = "asya-server";
constexpr std::size_t kNameDigits = 16;
constexpr std::int64_t kPage = 500;

const ports::Author kAuthor{"system:asya:reconcilers", kComponent, "create", false};

std::string Text(const json::Value& object, std::string_view name) {
  const json::Value* metadata = object.Find("metadata");
  return metadata == nullptr ? "" : metadata->GetString(name).value_or("");
}

json::Object Reference(const json::Value& object) {
  return {{"apiVersion", object.GetString("apiVersion").value_or("")},
          {"kind", object.GetString("kind").value_or("")},
          {"name", Text(object, "name")},
          {"namespace", Text(object, "namespace")},
          {"uid", Text(object, "uid")}};
}

// Records begin with apiVersion, kind and metadata, which are not the first by name here.
std::string InOrder(json::Value event) {
  json::Object& members = event.AsObject();
  const std::string metadata = json::Dump(members.at("metadata"));
  for (const char* name : {"apiVersion", "kind", "metadata"}) members.erase(name);
  return R"({"apiVersion":"v1","kind":"Event","metadata":)" + metadata + "," + json::Dump(event).substr(1);
}

ports::Labels LabelsOf(const json::Value& event) {
  ports::Labels labels;
  for (const auto& [name, value] : event.Find("involvedObject")->AsObject()) {
    labels["involvedObject." + name] = value.AsString();
  }
  labels["reason"] = event.GetString("reason").value_or("");
  labels["type"] = event.GetString("type").value_or("");
  return labels;
}

json::Value NewEvent(const ports::ObjectKey& key, const json::Value& object, const std::string& now) {
  return json::Object{
      {"apiVersion", "v1"},
      {"kind", "Event"},
      {"metadata",
       json::Object{{"name", key.name}, {"namespace", key.namespace_}, {"uid", NewUuid()}, {"creationTimestamp", now}}},
      {"involvedObject", Reference(object)},
      {"firstTimestamp", now},
      {"count", 0},
      {"source", json::Object{{"component", kComponent}}},
      {"reportingComponent", kComponent},
      {"reportingInstance", ""}};
}

}  // namespace

void Events::Tell(const json::Value& object, bool is_warning, const std::string& reason, const std::string& message) {
  const std::string digest = Sha256Hex(Text(object, "uid") + "\n" + reason).substr(0, kNameDigits);
  const ports::ObjectKey key{kEvents, Text(object, "namespace"), Text(object, "name") + "." + digest};
  const std::string now = FormatRfc3339(clock_.Now());
  const auto stored = store_.Get(key);
  if (!stored.ok() && stored.error().code != ErrorCode::kNotFound) return;
  json::Value event = stored.ok() ? json::Parse(*stored->json).value() : NewEvent(key, object, now);
  event["count"] = event["count"].AsInt() + 1;
  event["lastTimestamp"] = now;
  event["type"] = is_warning ? "Warning" : "Normal";
  event["reason"] = reason;
  event["message"] = std::string(CutUtf8(message, kEventMessageBytesMax));
  ports::Record record;
  record.key = key;
  record.uid = Text(event, "uid");
  record.labels = LabelsOf(event);
  record.json = std::make_shared<const std::string>(InOrder(std::move(event)));
  if (stored.ok()) {
    static_cast<void>(store_.Update(record, ports::Precondition{stored->revision, stored->uid}, kAuthor).ok());
  } else {
    static_cast<void>(store_.Create(record, kAuthor).ok());
  }
}

Result<std::int64_t> DropOldEvents(ports::ObjectStore& store, WallTime now) {
  std::vector<std::pair<ports::Revision, ports::ObjectKey>> kept;
  std::vector<std::pair<ports::Revision, ports::ObjectKey>> old;
  ports::ListQuery query;
  query.resource = kEvents;
  query.limit = kPage;
  for (bool more = true; more;) {
    ASYA_TRY(const ports::Page page, store.List(query));
    for (const ports::Record& record : page.items) {
      ASYA_TRY(const json::Value event, json::Parse(*record.json));
      const auto last = ParseRfc3339(event.GetString("lastTimestamp").value_or(""));
      (last && now - *last < kEventLife ? kept : old).emplace_back(record.revision, record.key);
    }
    more = page.more && !page.items.empty();
    if (more) {
      query.after = page.items.back().key;
      query.at = page.revision;
    }
  }
  // What was written longest ago has the lowest revision.
  std::ranges::sort(kept);
  const std::size_t surplus = kept.size() - std::min(kept.size(), kEventsMax);
  old.insert(old.end(), kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(surplus));
  std::int64_t dropped = 0;
  for (const auto& [revision, key] : old) {
    // One that happened again meanwhile stays.
    if (store.Delete(key, ports::Precondition{revision, std::nullopt}, kAuthor).ok()) ++dropped;
  }
  return dropped;
}

}  // namespace asya::reconcilers
