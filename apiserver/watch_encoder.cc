#include "apiserver/watch_encoder.h"

#include <utility>

#include "apiserver/object.h"

namespace asya::apiserver {

Outcome<WatchEncoder> WatchEncoder::Create(const Context& context, const Call& call) {
  if (call.accepted.shape == Shape::kPartialObject) {
    return NotAcceptable("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json");
  }
  WatchEncoder encoder(context.clock, *call.resource, call.accepted);
  if (call.accepted.shape == Shape::kTable) {
    ASYA_TRY(TableWriter table, TableWriter::Create(*call.resource, call.request, call.accepted.version));
    encoder.table_ = std::move(table);
  }
  return encoder;
}

std::string WatchEncoder::Line(const char* type, const std::string& object_bytes) {
  std::string line = std::string(R"({"type":")") + type + R"(","object":)";
  if (table_) {
    line += table_->Table(table_->Row(object_bytes, clock_->Now()), "{}", !std::exchange(definitions_sent_, true));
  } else if (accepted_.shape == Shape::kPartialObjectList) {
    line += PartialObject(object_bytes, accepted_.version);
  } else {
    line += object_bytes;
  }
  line += "}\n";
  return line;
}

std::string WatchEncoder::Bookmark(ports::Revision revision, bool initial_end) {
  json::Object metadata{{"resourceVersion", std::to_string(revision.get())}, {"creationTimestamp", nullptr}};
  if (initial_end) metadata["annotations"] = json::Object{{"k8s.io/initial-events-end", "true"}};
  return Line("BOOKMARK", json::Dump(json::Object{{"kind", resource_->kind.kind},
                                                  {"apiVersion", resource_->ApiVersion()},
                                                  {"metadata", std::move(metadata)}}));
}

std::string WatchEncoder::ErrorLine(const StatusError& error) {
  return R"({"type":"ERROR","object":)" + json::Dump(ToStatus(error)) + "}\n";
}

}  // namespace asya::apiserver
