#include "reconcilers/apply_problem.h"

#include <string_view>

#include "ports/cluster.h"

namespace asya::reconcilers {
namespace {

bool Has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// The codes of an API say who refuses, its words why.
const char* ReasonOf(const Error& error) {
  if (error.field == ports::kKedaField) return "KedaMissing";
  const std::string& text = error.message;
  switch (error.code) {
    case ErrorCode::kConflict:
      return "NameTaken";
    case ErrorCode::kNotFound:
      return Has(text, "namespaces \"") ? "NamespaceMissing" : "ApplyFailed";
    case ErrorCode::kForbidden:
      if (Has(text, "exceeded quota")) return "QuotaExceeded";
      if (Has(text, "being terminated")) return "NamespaceTerminating";
      if (Has(text, "cannot ") && Has(text, "resource \"")) return "ForbiddenByCluster";
      return "DeniedByAdmission";
    case ErrorCode::kInvalid:
      return Has(text, "denied the request") ? "DeniedByAdmission" : "ApplyFailed";
    default:
      return "ApplyFailed";
  }
}

std::string_view FixOf(std::string_view reason) {
  if (reason == "QuotaExceeded") return "; raise the ResourceQuota of the namespace";
  if (reason == "ForbiddenByCluster") {
    return "; give the server its rights again: asya-server render apiservice --controllers all";
  }
  return "";
}

}  // namespace

Part ApplyProblem(const std::string& what, const Error& error) {
  const char* reason = ReasonOf(error);
  const bool keda = error.field == ports::kKedaField;
  std::string message = what.empty() ? "" : what + ": ";
  if (!error.field.empty() && !keda) message += error.field + ": ";
  return {Truth::kFalse, reason, message + error.message + std::string(FixOf(reason))};
}

}  // namespace asya::reconcilers
