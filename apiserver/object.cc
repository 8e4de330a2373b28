#include "apiserver/object.h"

#include <utility>

#include "core/json/parse.h"
#include "core/json/scan.h"
#include "core/json/split.h"

namespace asya::apiserver {

namespace {

// Objects begin {"apiVersion":…,"kind":…,"metadata":{ and neither string before it can hold this text unescaped.
constexpr std::string_view kOpening = "\"metadata\":{";

// metadata, as it is written.
std::string_view MetadataIn(std::string_view object_bytes) {
  // What comes after it need not be looked at.
  if (const std::size_t at = object_bytes.find(kOpening); at != std::string_view::npos) {
    json::Scan scan(object_bytes.substr(at + kOpening.size() - 1));
    if (const auto metadata = scan.Value(kStoredDepthLimit)) return *metadata;
  }
  const auto members = json::Split(object_bytes);
  if (!members.ok()) return "{}";
  for (const json::Member& member : *members) {
    if (member.key == "metadata") return member.value;
  }
  return "{}";
}

}  // namespace

void BytesWriter::Append(const ports::Record& record, std::string& bytes) {
  const std::string& stored = *record.json;
  if (beginning_.empty() || !stored.starts_with(beginning_)) {
    const std::size_t at = stored.find(kOpening);
    ASYA_CHECK(at != std::string::npos);
    beginning_ = stored.substr(0, at + kOpening.size());
  }
  const std::size_t after = beginning_.size();
  bytes.append(stored, 0, after);
  bytes += "\"resourceVersion\":\"" + std::to_string(record.revision.get()) + "\"";
  if (stored[after] != '}') bytes += ',';
  bytes.append(stored, after);
}

std::string BytesOf(const ports::Record& record) {
  std::string bytes;
  bytes.reserve(record.json->size() + kRevisionBytes);
  BytesWriter().Append(record, bytes);
  return bytes;
}

Outcome<json::Value> ParseStored(const ports::ObjectKey& key, std::string_view text) {
  json::ParseOptions options;
  options.depth_limit = kStoredDepthLimit;
  auto parsed = json::Parse(text, options);
  if (parsed.ok() && parsed->IsObject()) return std::move(parsed).value();
  StatusError error;
  const std::string why = parsed.ok() ? "no object" : parsed.error().message;
  const std::string place = key.namespace_.empty() ? "" : " in namespace \"" + key.namespace_ + "\"";
  error.message = "Internal error occurred: " + key.resource + " \"" + key.name + "\"" + place +
                  " cannot be decoded from the store: " + why;
  return error;
}

Outcome<json::Value> StoredObjectOf(const ports::Record& record) { return ParseStored(record.key, *record.json); }

Outcome<json::Value> ObjectOf(const ports::Record& record) {
  ASYA_TRY(json::Value object, StoredObjectOf(record));
  MetadataOf(object)["resourceVersion"] = std::to_string(record.revision.get());
  return object;
}

ports::ObjectKey KeyOf(const Resource& resource, const std::string& namespace_, const std::string& name) {
  return {resource.kind.plural, resource.kind.namespaced ? namespace_ : std::string(), name};
}

ports::Record RecordOf(const Resource& resource, json::Value object) {
  json::Value& metadata = MetadataOf(object);
  metadata.AsObject().erase("resourceVersion");
  ports::Record record;
  record.key = KeyOf(resource, MetadataText(object, "namespace"), MetadataText(object, "name"));
  record.uid = MetadataText(object, "uid");
  if (const json::Value* labels = metadata.Find("labels"); labels != nullptr && labels->IsObject()) {
    for (const auto& [key, value] : labels->AsObject()) {
      if (value.IsString()) record.labels[key] = value.AsString();
    }
  }
  record.json = std::make_shared<const std::string>(json::Dump(object));
  return record;
}

json::Value& MetadataOf(json::Value& object) {
  json::Value& metadata = object["metadata"];
  if (!metadata.IsObject()) metadata = json::Object{};
  return metadata;
}

std::string MetadataText(const json::Value& object, std::string_view member) {
  const json::Value* metadata = object.Find("metadata");
  return metadata == nullptr ? std::string() : metadata->GetString(member).value_or("");
}

std::vector<std::string> FinalizersOf(const json::Value& object) {
  std::vector<std::string> finalizers;
  const json::Value* list = object.FindPath({"metadata", "finalizers"});
  if (list == nullptr || !list->IsArray()) return finalizers;
  for (const json::Value& item : list->AsArray()) {
    if (item.IsString()) finalizers.push_back(item.AsString());
  }
  return finalizers;
}

bool IsDeleting(const json::Value& object) { return !MetadataText(object, "deletionTimestamp").empty(); }

void AppendPartialOf(std::string_view metadata, const std::string& version, std::string& bytes) {
  bytes += R"({"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/)";
  bytes += version;
  bytes += R"(","metadata":)";
  bytes += metadata;
  bytes += '}';
}

void AppendPartialObject(std::string_view object_bytes, const std::string& version, std::string& bytes) {
  AppendPartialOf(MetadataIn(object_bytes), version, bytes);
}

std::string PartialObject(std::string_view object_bytes, const std::string& version) {
  std::string bytes;
  AppendPartialObject(object_bytes, version, bytes);
  return bytes;
}

}  // namespace asya::apiserver
