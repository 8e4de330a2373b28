#include "apiserver/secrets.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/base64.h"

namespace asya::apiserver {
namespace {

constexpr std::size_t kKeyBytesMax = 253;

bool IsKey(const std::string& key) {
  const bool good = std::all_of(
      key.begin(), key.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; });
  return good && !key.empty() && key.size() <= kKeyBytesMax && key != "." && !key.starts_with("..");
}

json::Value DataOf(const json::Value& object) {
  const json::Value* data = object.Find("data");
  return data == nullptr || data->IsNull() ? json::Value(json::Object{}) : *data;
}

void CheckFixed(const json::Value& object, const json::Value& old, std::vector<model::Cause>& causes) {
  if (!old.GetBool("immutable").value_or(false)) return;
  if (!object.GetBool("immutable").value_or(false)) {
    causes.push_back({"immutable", "FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set"});
  }
  if (DataOf(object) != DataOf(old)) {
    causes.push_back({"data", "FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set"});
  }
}

}  // namespace

void TakeStringData(json::Value& object) {
  const json::Value* texts = object.Find("stringData");
  if (texts == nullptr) return;
  json::Object taken;
  if (texts->IsObject()) {
    for (const auto& [key, value] : texts->AsObject()) {
      if (!value.IsString()) return;  // the schema says what is wrong
      taken[key] = EncodeBase64(value.AsString());
    }
  } else if (!texts->IsNull()) {
    return;
  }
  object.AsObject().erase("stringData");
  if (taken.empty()) return;
  json::Value& data = object["data"];
  if (data.IsNull()) data = json::Object{};
  if (!data.IsObject()) return;
  for (auto& [key, value] : taken) data[key] = std::move(value);
}

void CheckSecret(const json::Value& object, const json::Value* old, std::vector<model::Cause>& causes) {
  std::size_t total = 0;
  const json::Value data = DataOf(object);
  if (!data.IsObject()) return;  // told already
  for (const auto& [key, value] : data.AsObject()) {
    const std::string field = "data[" + key + "]";
    if (!IsKey(key)) {
      causes.push_back({field, "FieldValueInvalid",
                        "Invalid value: " + json::Quote(key) +
                            ": a key is at most 253 letters, digits, '-', '_' or '.', and neither '.' nor '..'"});
    }
    if (!value.IsString()) continue;
    const auto bytes = DecodeBase64(value.AsString());
    if (!bytes) causes.push_back({field, "FieldValueInvalid", "Invalid value: illegal base64 data"});
    total += bytes ? bytes->size() : 0;
  }
  if (total > kSecretBytesMax) {
    causes.push_back(
        {"data", "FieldValueTooLong", "Too long: may not be more than " + std::to_string(kSecretBytesMax) + " bytes"});
  }
  if (old != nullptr) CheckFixed(object, *old, causes);
}

Admission RefuseSecrets(std::string why) {
  return [why = std::move(why)](AdmissionRequest& request) -> Outcome<Done> {
    if (request.call.resource != &Secrets()) return Done{};
    return Forbidden(*request.call.resource, request.call.info.name, why);
  };
}

}  // namespace asya::apiserver
