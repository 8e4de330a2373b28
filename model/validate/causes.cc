#include "model/validate/causes.h"

#include "core/base/utf8.h"

namespace asya::model {
namespace {

constexpr std::size_t kSeenLimitBytes = 120;

// The value as it is repeated in a message: JSON, cut to a bound so that no whole payload is ever printed.
std::string Seen(const json::Value& value) {
  if (value.IsObject() || value.IsArray()) return json::Quote(value.TypeName());
  std::string text = json::Dump(value);
  if (text.size() <= kSeenLimitBytes) return text;
  return std::string(CutUtf8(text, kSeenLimitBytes)) + "…";
}

}  // namespace

void AddRequired(Causes& causes, const std::string& field, const std::string& words) {
  causes.push_back(Cause{field, "FieldValueRequired", words.empty() ? "Required value" : "Required value: " + words});
}

void AddInvalid(Causes& causes, const std::string& field, const json::Value& seen, const std::string& words) {
  causes.push_back(Cause{field, "FieldValueInvalid", "Invalid value: " + Seen(seen) + ": " + words});
}

void AddInvalidSecret(Causes& causes, const std::string& field, const std::string& words) {
  causes.push_back(Cause{field, "FieldValueInvalid", "Invalid value: <hidden>: " + words});
}

void AddWrongType(Causes& causes, const std::string& field, const json::Value& seen, const Schema& schema) {
  std::string words = std::string("must be ") + SchemaTypeNoun(schema.type);
  if (schema.type == SchemaType::kString && !seen.IsObject() && !seen.IsArray()) words += ": write it in quotes";
  const std::string shown = schema.secret ? "<hidden>" : Seen(seen);
  causes.push_back(Cause{field, "FieldValueTypeInvalid", "Invalid value: " + shown + ": " + words});
}

void AddNotSupported(Causes& causes, const std::string& field, const json::Value& seen,
                     const std::vector<std::string>& accepted) {
  std::string message = "Unsupported value: " + Seen(seen) + ": supported values: ";
  for (std::size_t i = 0; i < accepted.size(); ++i) message += (i == 0 ? "" : ", ") + json::Quote(accepted[i]);
  causes.push_back(Cause{field, "FieldValueNotSupported", message});
}

void AddDuplicate(Causes& causes, const std::string& field, const json::Value& seen) {
  causes.push_back(Cause{field, "FieldValueDuplicate", "Duplicate value: " + Seen(seen)});
}

void AddForbidden(Causes& causes, const std::string& field, const std::string& words) {
  causes.push_back(Cause{field, "FieldValueForbidden", "Forbidden: " + words});
}

void AddTooLong(Causes& causes, const std::string& field, std::size_t limit_bytes) {
  causes.push_back(
      Cause{field, "FieldValueTooLong", "Too long: may not be more than " + std::to_string(limit_bytes) + " bytes"});
}

void AddTooMany(Causes& causes, const std::string& field, std::size_t count, std::size_t limit) {
  causes.push_back(
      Cause{field, "FieldValueTooMany",
            "Too many: " + std::to_string(count) + ": must have at most " + std::to_string(limit) + " items"});
}

bool IsSystemEnd(const std::string& actor) { return actor == "x-sink" || actor == "x-sump"; }

}  // namespace asya::model
