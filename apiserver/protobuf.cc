#include "apiserver/protobuf.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "core/base/base64.h"
#include "core/base/utf8.h"

namespace asya::apiserver {
namespace {

constexpr std::string_view kMagic{"k8s\0", 4};

// One message, field by field.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  // False at the end and after malformed bytes.
  bool Next() {
    if (bytes_.empty()) return false;
    const auto tag = Varint();
    if (!tag) return Stop();
    number_ = *tag >> 3U;
    text_ = {};
    integer_ = 0;
    switch (*tag & 7U) {
      case 0: {
        const auto value = Varint();
        integer_ = value.value_or(0);
        return value ? true : Stop();
      }
      case 1:
        return Take(8);
      case 2: {
        const auto size = Varint();
        return size ? Take(*size) : Stop();
      }
      case 5:
        return Take(4);
      default:
        return Stop();
    }
  }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::uint64_t integer() const { return integer_; }
  [[nodiscard]] bool bad() const { return bad_; }

 private:
  std::optional<std::uint64_t> Varint() {
    constexpr unsigned kLongestBits = 63;
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift <= kLongestBits; shift += 7) {
      if (bytes_.empty()) return std::nullopt;
      const auto byte = static_cast<unsigned char>(bytes_[0]);
      bytes_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }
  bool Take(std::uint64_t size) {
    if (size > bytes_.size()) return Stop();
    text_ = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }
  bool Stop() {
    bad_ = true;
    return false;
  }

  std::string_view bytes_;
  std::string_view text_;
  std::uint64_t number_ = 0;
  std::uint64_t integer_ = 0;
  bool bad_ = false;
};

// Texts are UTF-8 in protobuf too; values of secrets are bytes, which JSON writes in base64.
enum class Values { kTexts, kBytes };

bool ReadEntry(std::string_view bytes, json::Value& map, Values values = Values::kTexts) {
  std::string key;
  std::string value;
  Reader reader(bytes);
  while (reader.Next()) {
    if (reader.number() == 1) key = reader.text();
    if (reader.number() == 2) value = reader.text();
  }
  map[key] = values == Values::kBytes ? EncodeBase64(value) : value;
  return !reader.bad();
}

void Append(json::Value& list, json::Value item) {
  if (list.IsNull()) list = json::Array{};
  list.AsArray().push_back(std::move(item));
}

bool ReadOwner(std::string_view bytes, json::Value& owners) {
  constexpr std::pair<std::uint64_t, const char*> kTexts[] = {{1, "kind"}, {3, "name"}, {4, "uid"}, {5, "apiVersion"}};
  json::Value owner = json::Object{};
  Reader reader(bytes);
  while (reader.Next()) {
    for (const auto& [number, name] : kTexts) {
      if (reader.number() == number) owner[name] = reader.text();
    }
    if (reader.number() == 6) owner["controller"] = reader.integer() != 0;
    if (reader.number() == 7) owner["blockOwnerDeletion"] = reader.integer() != 0;
  }
  Append(owners, std::move(owner));
  return !reader.bad();
}

// Times, generation and managedFields are the server's own and are not read.
bool ReadMetadata(std::string_view bytes, json::Value& metadata) {
  constexpr std::pair<std::uint64_t, const char*> kTexts[] = {
      {1, "name"}, {2, "generateName"}, {3, "namespace"}, {5, "uid"}, {6, "resourceVersion"}};
  Reader reader(bytes);
  bool good = true;
  while (reader.Next()) {
    if (reader.text().empty()) continue;
    for (const auto& [number, name] : kTexts) {
      if (reader.number() == number) metadata[name] = reader.text();
    }
    if (reader.number() == 13) good = ReadOwner(reader.text(), metadata["ownerReferences"]) && good;
    if (reader.number() == 14) Append(metadata["finalizers"], reader.text());
    if (reader.number() == 11) good = ReadEntry(reader.text(), metadata["labels"]) && good;
    if (reader.number() == 12) good = ReadEntry(reader.text(), metadata["annotations"]) && good;
  }
  return good && !reader.bad();
}

// A text member of a spec, by the message that holds it: 0 is the spec itself, else the number of one of its members.
struct SpecText {
  const char* kind;
  std::uint64_t message;
  const char* parent;  // of the message; empty for the spec itself
  std::uint64_t number;
  const char* name;
};
constexpr SpecText kSpecTexts[] = {
    {"SelfSubjectAccessReview", 1, "resourceAttributes", 1, "namespace"},
    {"SelfSubjectAccessReview", 1, "resourceAttributes", 2, "verb"},
    {"SelfSubjectAccessReview", 1, "resourceAttributes", 3, "group"},
    {"SelfSubjectAccessReview", 1, "resourceAttributes", 4, "version"},
    {"SelfSubjectAccessReview", 1, "resourceAttributes", 5, "resource"},
    {"SelfSubjectAccessReview", 1, "resourceAttributes", 6, "subresource"},
    {"SelfSubjectAccessReview", 1, "resourceAttributes", 7, "name"},
    {"SelfSubjectAccessReview", 2, "nonResourceAttributes", 1, "path"},
    {"SelfSubjectAccessReview", 2, "nonResourceAttributes", 2, "verb"},
    {"SelfSubjectRulesReview", 0, "", 1, "namespace"},
};

bool ReadSpecMessage(std::string_view bytes, const std::string& kind, std::uint64_t message, json::Value& spec) {
  Reader reader(bytes);
  while (reader.Next()) {
    for (const SpecText& text : kSpecTexts) {
      if (kind != text.kind || text.message != message) continue;
      json::Value& place = message == 0 ? spec : spec[text.parent];
      if (place.IsNull()) place = json::Object{};
      if (text.number == reader.number() && !reader.text().empty()) place[text.name] = reader.text();
    }
  }
  return !reader.bad();
}

// The spec of a review, two messages deep.
bool ReadSpec(std::string_view bytes, const std::string& kind, json::Value& spec) {
  bool good = ReadSpecMessage(bytes, kind, 0, spec);
  Reader reader(bytes);
  while (reader.Next()) {
    if (kind == "SelfSubjectAccessReview" && (reader.number() == 1 || reader.number() == 2)) {
      good = ReadSpecMessage(reader.text(), kind, reader.number(), spec) && good;
    }
  }
  return good && !reader.bad();
}

bool ReadSecret(const Reader& reader, json::Value& secret) {
  switch (reader.number()) {
    case 2:
      return ReadEntry(reader.text(), secret["data"], Values::kBytes);
    case 3:
      secret["type"] = reader.text();
      return true;
    case 4:
      return ReadEntry(reader.text(), secret["stringData"]);
    case 5:
      secret["immutable"] = reader.integer() != 0;
      return true;
    default:
      return true;
  }
}

bool ReadDeleteOption(const Reader& reader, json::Value& options) {
  switch (reader.number()) {
    case 1:
      options["gracePeriodSeconds"] = static_cast<std::int64_t>(reader.integer());
      return true;
    case 2: {
      json::Value& preconditions = options["preconditions"] = json::Object{};
      Reader inner(reader.text());
      while (inner.Next()) {
        if (inner.number() == 1) preconditions["uid"] = inner.text();
        if (inner.number() == 2) preconditions["resourceVersion"] = inner.text();
      }
      return !inner.bad();
    }
    case 3:
      options["orphanDependents"] = reader.integer() != 0;
      return true;
    case 4:
      options["propagationPolicy"] = reader.text();
      return true;
    case 5:
      Append(options["dryRun"], reader.text());
      return true;
    default:
      return true;
  }
}

// TypeMeta, the first member of runtime.Unknown.
bool ReadType(std::string_view bytes, json::Value& object) {
  Reader reader(bytes);
  while (reader.Next()) {
    if (reader.number() == 1) object["apiVersion"] = reader.text();
    if (reader.number() == 2) object["kind"] = reader.text();
  }
  return !reader.bad();
}

// The object itself, the second one.
bool ReadObject(std::string_view bytes, json::Value& object) {
  const std::string kind = object.GetString("kind").value_or("");
  Reader reader(bytes);
  bool good = true;
  while (reader.Next()) {
    if (kind == "DeleteOptions") {
      good = ReadDeleteOption(reader, object) && good;
      continue;
    }
    if (kind == "Secret") good = ReadSecret(reader, object) && good;
    if (reader.number() == 1) good = ReadMetadata(reader.text(), object["metadata"]) && good;
    if (reader.number() == 2 && (kind == "SelfSubjectAccessReview" || kind == "SelfSubjectRulesReview"))
      good = ReadSpec(reader.text(), kind, object["spec"]) && good;
  }
  return good && !reader.bad();
}

}  // namespace

Result<json::Value> DecodeProtobufObject(std::string_view bytes) {
  json::Value object = json::Object{{"metadata", json::Object{}}};
  const bool known = bytes.substr(0, kMagic.size()) == kMagic;
  Reader envelope(known ? bytes.substr(kMagic.size()) : std::string_view());
  bool good = known;
  while (envelope.Next()) {
    if (envelope.number() == 1) good = ReadType(envelope.text(), object) && good;
    if (envelope.number() == 2) good = ReadObject(envelope.text(), object) && good;
  }
  // Protobuf keeps bytes where JSON has text.
  if (!good || envelope.bad() || !IsUtf8(json::Dump(object)))
    return Invalid("", "no Kubernetes object in protobuf form");
  return object;
}

}  // namespace asya::apiserver
