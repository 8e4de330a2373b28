#include "apiserver/table.h"

#include <utility>

#include "apiserver/object.h"
#include "model/object_text.h"

namespace asya::apiserver {
namespace {

json::Value Definitions(const Resource& resource) {
  json::Array definitions;
  for (const model::Column& column : resource.kind.columns) {
    definitions.push_back(json::Object{{"name", column.name},
                                       {"type", column.type},
                                       {"format", column.format},
                                       {"description", column.description},
                                       {"priority", column.priority}});
  }
  return definitions;
}

// Metadata of a list that shows only this object. A dry run has no revision.
std::string RevisionOnly(std::string_view object_bytes) {
  const auto object = ParseStored({}, object_bytes);
  const std::string revision = object.ok() ? MetadataText(*object, "resourceVersion") : std::string();
  return revision.empty() ? "{}" : json::Dump(json::Object{{"resourceVersion", revision}});
}

}  // namespace

Outcome<TableWriter> TableWriter::Create(const Resource& resource, const http::Request& request, std::string version) {
  const std::string include = request.Query("includeObject").value_or("");
  if (include.empty() || include == "Metadata") return TableWriter(resource, Include::kMetadata, std::move(version));
  if (include == "None") return TableWriter(resource, Include::kNone, std::move(version));
  if (include == "Object") return TableWriter(resource, Include::kObject, std::move(version));
  return BadRequest("includeObject: \"" + include + "\" is not None, Metadata or Object");
}

void TableWriter::AppendRow(std::string_view object_bytes, WallTime now, std::string& rows) const {
  AppendRow(object_bytes, now, include_, rows);
}

void TableWriter::AppendRow(std::string_view object_bytes, WallTime now, Include include, std::string& rows) const {
  const model::ObjectText object(object_bytes);
  rows += "{\"cells\":";
  model::AppendCells(resource_->kind, object, now, rows);
  if (include != Include::kNone) rows += ",\"object\":";
  if (include == Include::kMetadata) {
    const std::string_view metadata = object.At("metadata");
    AppendPartialOf(metadata.empty() ? "{}" : metadata, version_, rows);
  }
  if (include == Include::kObject) rows += object_bytes;
  rows += '}';
}

std::string TableWriter::Opening(std::string_view list_metadata, bool definitions) const {
  std::string table = R"({"kind":"Table","apiVersion":"meta.k8s.io/)" + version_ + R"(","metadata":)";
  table += list_metadata;
  table += ",\"columnDefinitions\":" + (definitions ? json::Dump(Definitions(*resource_)) : std::string("[]"));
  table += ",\"rows\":[";
  return table;
}

std::string TableWriter::TableOfOne(std::string_view object_bytes, WallTime now, bool definitions) const {
  std::string table = Opening(RevisionOnly(object_bytes), definitions);
  AppendRow(object_bytes, now, table);
  return table.append(kClosing);
}

std::string TableWriter::TableOfBookmark(std::string_view object_bytes, WallTime now, bool definitions) const {
  const Include include = include_ == Include::kNone ? Include::kMetadata : include_;
  std::string table = Opening(RevisionOnly(object_bytes), definitions);
  AppendRow(object_bytes, now, include, table);
  return table.append(kClosing);
}

}  // namespace asya::apiserver
