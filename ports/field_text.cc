#include "ports/field_text.h"

namespace asya::ports {

std::string FieldText(const json::Value& object, const char* field, const std::string& fallback) {
  const json::Value* value = object.Find(field);
  if (value == nullptr) return fallback;
  return value->IsString() ? value->AsString() : json::Dump(*value);
}

}  // namespace asya::ports
