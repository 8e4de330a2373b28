#include "cluster/kubernetes/cluster_events.h"

#include "cluster/kubernetes/child_kinds.h"
#include "core/base/sha256.h"
#include "core/base/utf8.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr const char* kComponent = "asya-server";
constexpr const char* kMergePatch = "application/merge-patch+json";
constexpr std::size_t kNameDigits = 16;

json::Value NewEvent(const json::Value& object, const std::string& name, const std::string& now) {
  return json::Object{{"apiVersion", "v1"},
                      {"kind", "Event"},
                      {"metadata", json::Object{{"name", name}, {"namespace", MetadataOf(object, "namespace")}}},
                      {"involvedObject", json::Object{{"apiVersion", object.GetString("apiVersion").value_or("")},
                                                      {"kind", object.GetString("kind").value_or("")},
                                                      {"name", MetadataOf(object, "name")},
                                                      {"namespace", MetadataOf(object, "namespace")},
                                                      {"uid", MetadataOf(object, "uid")}}},
                      {"firstTimestamp", now},
                      {"source", json::Object{{"component", kComponent}}},
                      {"reportingComponent", kComponent},
                      {"reportingInstance", ""}};
}

}  // namespace

void ClusterEvents::Tell(const json::Value& object, bool is_warning, const std::string& reason,
                         const std::string& message) {
  const std::string digest = Sha256Hex(MetadataOf(object, "uid") + "\n" + reason).substr(0, kNameDigits);
  const std::string now = FormatRfc3339(clock_.Now());
  json::Value event = NewEvent(object, MetadataOf(object, "name") + "." + digest, now);
  event["lastTimestamp"] = now;
  event["type"] = is_warning ? "Warning" : "Normal";
  event["reason"] = reason;
  event["message"] = std::string(CutUtf8(message, kMessageBytesMax));
  const Status written = Write("/api/v1/namespaces/" + MetadataOf(object, "namespace") + "/events", std::move(event));
  if (!written.ok()) log_.Debug("an event cannot be written", {{"error", written.error().message}});
}

Result<std::int64_t> ClusterEvents::CountOf(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(path);
    if (found != counts_.end()) return found->second;
  }
  ASYA_TRY(const json::Value stored, client_.Get(path));
  return stored.GetInt("count").value_or(0);
}

Status ClusterEvents::Write(const std::string& collection, json::Value event) {
  const std::string path = collection + "/" + MetadataOf(event, "name");
  auto before = CountOf(path);
  if (!before.ok() && before.error().code != ErrorCode::kNotFound) return before.error();
  std::int64_t count = before.ok() ? *before + 1 : 1;
  Status outcome = Fail(ErrorCode::kNotFound, "");
  if (before.ok()) {
    json::Object patch{{"count", count}};
    for (const char* field : {"lastTimestamp", "type", "message"}) patch[field] = *event.Find(field);
    const auto patched = client_.Send({"PATCH", path, std::move(patch), kMergePatch});
    outcome = patched.ok() ? Ok() : Status(patched.error());
  }
  // The cluster may have forgotten it.
  if (!outcome.ok() && outcome.error().code == ErrorCode::kNotFound) {
    count = 1;
    event["count"] = count;
    const auto created = client_.Create(collection, std::move(event));
    outcome = created.ok() ? Ok() : Status(created.error());
  }
  const std::lock_guard lock(mutex_);
  if (counts_.size() >= kCountsMax) counts_.clear();
  if (outcome.ok()) counts_[path] = count;
  return outcome;
}

}  // namespace asya::cluster::kubernetes
