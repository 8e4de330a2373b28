#include "apiserver/fields.h"

#include "apiserver/body.h"

namespace asya::apiserver {

namespace {

// The path between the quotes of a problem.
std::string FieldOf(const std::string& problem) {
  const std::size_t first = problem.find('"');
  const std::size_t last = problem.rfind('"');
  return first < last ? problem.substr(first + 1, last - first - 1) : "";
}

}  // namespace

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
  if (call.info.verb != "patch" || IsApply(call.request)) {
    StatusError error =
        BadRequest(call.resource->kind.kind + " in version \"" + call.resource->version + "\" cannot be handled as a " +
                   call.resource->kind.kind + ": strict decoding error: " + all);
    for (const std::string& problem : problems)
      error.causes.push_back({FieldOf(problem), "FieldValueInvalid", problem});
    return error;
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
