#include "apiserver/watch_encoder.h"

#include <utility>

#include "apiserver/object.h"

namespace asya::apiserver {

namespace {

std::string Framed(const char* type, const std::string& object) {
  return std::string(R"({"type":")") + type + R"(","object":)" + object + "}\n";
}

}  // namespace

Outcome<WatchEncoder> WatchEncoder::Create(const Context& context, const Call& call) {
  WatchEncoder encoder(context.clock, *call.resource, call.accepted);
  if (call.accepted.shape == Shape::kTable) {
    ASYA_TRY(TableWriter table, TableWriter::Create(*call.resource, call.request, call.accepted.version));
    encoder.table_ = std::move(table);
  }
  return encoder;
}

std::string WatchEncoder::Line(const char* type, const std::string& object_bytes) {
  if (table_) {
    return Framed(type, table_->TableOfOne(object_bytes, clock_->Now(), !std::exchange(definitions_sent_, true)));
  }
  // Informers of metadata ask for PartialObjectMetadata here, some clients for the list form: the events are the same.
  if (accepted_.shape != Shape::kObject) return Framed(type, PartialObject(object_bytes, accepted_.version));
  return Framed(type, object_bytes);
}

std::string WatchEncoder::Bookmark(ports::Revision revision, bool initial_end) {
  json::Object metadata{{"resourceVersion", std::to_string(revision.get())}, {"creationTimestamp", nullptr}};
  if (initial_end) metadata["annotations"] = json::Object{{"k8s.io/initial-events-end", "true"}};
  const std::string bytes = json::Dump(json::Object{
      {"kind", resource_->kind.kind}, {"apiVersion", resource_->ApiVersion()}, {"metadata", std::move(metadata)}});
  if (!table_) return Line("BOOKMARK", bytes);
  return Framed("BOOKMARK", table_->TableOfBookmark(bytes, clock_->Now(), !std::exchange(definitions_sent_, true)));
}

std::string WatchEncoder::ErrorLine(const StatusError& error) { return Framed("ERROR", json::Dump(ToStatus(error))); }

}  // namespace asya::apiserver
