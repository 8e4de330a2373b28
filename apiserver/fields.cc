#include "apiserver/fields.h"

#include "apiserver/object.h"

namespace asya::apiserver {

Outcome<Done> ReportFields(Call& call, const WriteOptions& options, const std::vector<std::string>& problems) {
  if (problems.empty()) return Done{};
  switch (options.field_validation) {
    case FieldValidation::kIgnore:
      return Done{};
    case FieldValidation::kWarn:
      for (const std::string& problem : problems) call.Warn(problem);
      return Done{};
    case FieldValidation::kStrict:
      break;
  }
  std::string all;
  for (const std::string& problem : problems) all += (all.empty() ? "" : ", ") + problem;
  if (call.info.verb != "patch") {
    return BadRequest(call.resource->kind.kind + " in version \"" + call.resource->version +
                      "\" cannot be handled as a " + call.resource->kind.kind + ": strict decoding error: " + all);
  }
  std::vector<model::Cause> causes;
  causes.reserve(problems.size());
  for (const std::string& problem : problems) {
    causes.push_back({"patch", "FieldValueInvalid", "Invalid value: strict decoding error: " + problem});
  }
  return Invalid(*call.resource, call.info.name, std::move(causes));
}

Outcome<Done> PruneFields(Call& call, const WriteOptions& options, json::Value& object) {
  std::vector<std::string> problems;
  for (const std::string& path : model::PruneUnknown(call.resource->kind, object)) {
    problems.push_back("unknown field \"" + path + "\"");
  }
  return ReportFields(call, options, problems);
}

}  // namespace asya::apiserver
