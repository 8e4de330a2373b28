#include "gateway/labels.h"

#include <algorithm>
#include <utility>

#include "model/validate/syntax.h"

namespace asya::gateway {
namespace {

constexpr std::size_t kLabelsMax = 32;  // of one task

}  // namespace

Result<std::string> LabelsOf(const json::Value& value) {
  if (!value.IsObject() || value.AsObject().size() > kLabelsMax) {
    return Invalid("labels", "got " + std::string(value.TypeName()) + "; an object of at most " +
                                 std::to_string(kLabelsMax) + " texts is accepted");
  }
  for (const auto& [name, text] : value.AsObject()) {
    if (!model::IsQualifiedName(name) || !text.IsString() || !model::IsLabelValue(text.AsString())) {
      return Invalid("labels", json::Quote(name) +
                                   ": names and texts as of Kubernetes labels are accepted: letters, digits, \"-\", "
                                   "\"_\" and \".\", at most 63");
    }
  }
  return value.AsObject().empty() ? std::string() : json::Dump(value);
}

Result<std::string> LabelsOfQuery(std::string_view query) {
  json::Object labels;
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find(','));
    query.remove_prefix(std::min(query.size(), item.size() + 1));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      return Invalid("label", "got " + json::Quote(item) + "; NAME=TEXT is accepted, several with commas");
    }
    const std::string name(item.substr(0, equals));
    if (!labels.emplace(name, std::string(item.substr(equals + 1))).second) {
      return Invalid("label", json::Quote(name) + " is there twice");
    }
  }
  auto found = LabelsOf(json::Value(std::move(labels)));
  if (!found.ok()) return Invalid("label", found.error().message);
  return found;
}

}  // namespace asya::gateway
