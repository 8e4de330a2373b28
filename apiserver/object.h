// Objects: between stored records and the JSON that clients see.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apiserver/outcome.h"
#include "apiserver/resource.h"
#include "core/json/value.h"
#include "ports/object_store.h"

namespace asya::apiserver {

// The object's bytes with metadata.resourceVersion.
std::string BytesOf(const ports::Record& record);
// The same, put at the end of `bytes`, for one record after another: those of one kind begin alike, which is looked for
// once.
class BytesWriter {
 public:
  void Append(const ports::Record& record, std::string& bytes);

 private:
  std::string beginning_;  // of the record before, up to what stands in its metadata
};
inline constexpr std::size_t kRevisionBytes = 48;  // it puts in at most
// The same, decoded.
Outcome<json::Value> ObjectOf(const ports::Record& record);
// What is in the store may be deeper than what is taken: an older version may have had other bounds, and an object that
// cannot be read could not be deleted either.
inline constexpr std::size_t kStoredDepthLimit = 1000;
// 500 that names the object for what cannot be decoded.
Outcome<json::Value> ParseStored(const ports::ObjectKey& key, std::string_view text);
// The stored form, decoded: without metadata.resourceVersion.
Outcome<json::Value> StoredObjectOf(const ports::Record& record);

// `object` is complete and valid; its metadata.resourceVersion is left out.
ports::Record RecordOf(const Resource& resource, json::Value object);
ports::ObjectKey KeyOf(const Resource& resource, const std::string& namespace_, const std::string& name);

// metadata, made an object where it is none.
json::Value& MetadataOf(json::Value& object);
// A member of metadata that is a string; empty where it is absent or something else.
std::string MetadataText(const json::Value& object, std::string_view member);
std::vector<std::string> FinalizersOf(const json::Value& object);
bool IsDeleting(const json::Value& object);

// {"kind":"PartialObjectMetadata",…} of an object, as bytes.
std::string PartialObject(std::string_view object_bytes, const std::string& version);
// The same of an object's metadata, put at the end of `bytes`.
void AppendPartialOf(std::string_view metadata, const std::string& version, std::string& bytes);
// The same of an object, put at the end of `bytes`.
void AppendPartialObject(std::string_view object_bytes, const std::string& version, std::string& bytes);

}  // namespace asya::apiserver
