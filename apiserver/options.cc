#include "apiserver/options.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "apiserver/body.h"
#include "apiserver/selector.h"

namespace asya::apiserver {
namespace {

std::optional<std::int64_t> ParseNumber(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

bool IsTrue(const std::optional<std::string>& text) {
  return text && (*text == "true" || *text == "1" || text->empty());
}

model::Cause Forbids(const std::string& field, const std::string& why) {
  return {field, "FieldValueForbidden", "Forbidden: " + why};
}

// A match that is given, without sendInitialEvents.
void CheckMatch(const ListOptions& options, bool watch, std::vector<model::Cause>& causes) {
  const char* field = "resourceVersionMatch";
  if (watch) {
    causes.push_back(
        Forbids(field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
  } else if (options.revision.empty()) {
    causes.push_back(Forbids(field, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
  }
  if (!options.continue_token.empty()) {
    causes.push_back(Forbids(field, "resourceVersionMatch is forbidden when continue is provided"));
  }
  if (options.revision_match == "Exact" && options.revision == "0") {
    causes.push_back(Forbids(field, "resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\""));
  }
}

Outcome<Done> CheckRevisionMatch(const ListOptions& options, bool watch) {
  std::vector<model::Cause> causes;
  const std::string& match = options.revision_match;
  const char* field = "resourceVersionMatch";
  if (!match.empty() && match != "Exact" && match != "NotOlderThan") {
    causes.push_back({field, "FieldValueNotSupported",
                      "Unsupported value: \"" + match + "\": supported values: \"Exact\", \"NotOlderThan\""});
  }
  if (options.send_initial_events) {
    if (!watch) causes.push_back(Forbids("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    if (watch && match != "NotOlderThan") {
      causes.push_back(Forbids(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
    }
  } else if (!match.empty()) {
    CheckMatch(options, watch, causes);
  }
  if (!causes.empty()) return InvalidOptions("ListOptions", std::move(causes));
  return Done{};
}

Outcome<Done> ParseNumbers(const http::Request& request, ListOptions& options) {
  if (const auto limit = request.Query("limit"); limit && !limit->empty()) {
    const auto number = ParseNumber(*limit);
    if (!number) return BadRequest("limit: \"" + *limit + "\" is no number of zero or more");
    options.limit = *number;
  }
  if (const auto timeout = request.Query("timeoutSeconds"); timeout && !timeout->empty()) {
    options.timeout_s = ParseNumber(*timeout);
    if (!options.timeout_s) return BadRequest("timeoutSeconds: \"" + *timeout + "\" is no number of zero or more");
  }
  if (!ParseRevision(options.revision)) {
    return BadRequest("Invalid value: \"" + options.revision + "\": resourceVersion must be a decimal number");
  }
  return Done{};
}

Outcome<Done> ParseSelectors(const http::Request& request, const RequestInfo& info, ListOptions& options) {
  const Status labels = ParseLabelSelector(request.Query("labelSelector").value_or(""), options.selector);
  if (!labels.ok()) return BadRequest(labels.error().message);
  auto fields = ParseFieldSelector(request.Query("fieldSelector").value_or(""),
                                   info.group.empty() && info.resource == "events", options.selector);
  if (!fields.ok()) return BadRequest(fields.error().message);
  options.selects_nothing = fields->nothing;
  if (!info.namespace_.empty()) options.namespace_ = info.namespace_;
  if (fields->namespace_only) {
    options.selects_nothing =
        options.selects_nothing || (options.namespace_ && *options.namespace_ != *fields->namespace_only);
    options.namespace_ = fields->namespace_only;
  }
  if (!info.name.empty()) {
    options.selects_nothing = options.selects_nothing || (options.selector.name && *options.selector.name != info.name);
    options.selector.name = info.name;
  }
  return Done{};
}

// Who writes; an apply has to say so.
Outcome<Done> ParseManager(const http::Request& request, const std::string& kind, WriteOptions& options) {
  options.field_manager = request.Query("fieldManager").value_or("");
  const auto unprintable = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (options.field_manager.size() > kFieldManagerLimitBytes ||
      std::any_of(options.field_manager.begin(), options.field_manager.end(), unprintable)) {
    return InvalidOptions(
        kind, {{"fieldManager", "FieldValueInvalid", "Invalid value: must be at most 128 printable characters"}});
  }
  const auto force = request.Query("force");
  if (IsApply(request)) {
    options.force = force && *force != "false" && *force != "0";
    if (!options.field_manager.empty()) return Done{};
    return InvalidOptions(kind,
                          {{"fieldManager", "FieldValueRequired", "Required value: is required for apply patch"}});
  }
  if (!force || kind != "PatchOptions") return Done{};
  return InvalidOptions(kind, {Forbids("force", "may not be specified for non-apply patch")});
}

}  // namespace

std::optional<std::int64_t> ParseRevision(const std::string& text) {
  if (text.empty() || text == "0") return 0;
  if (text[0] == '0') return std::nullopt;
  return ParseNumber(text);
}

std::int64_t ListOptions::RevisionNumber() const { return ParseRevision(revision).value_or(0); }

Outcome<bool> ParseDryRun(const std::vector<std::string>& values, const std::string& kind) {
  bool dry_run = false;
  for (const std::string& value : values) {
    if (value != "All") {
      return InvalidOptions(kind, {{"dryRun", "FieldValueNotSupported",
                                    "Unsupported value: \"" + value + "\": supported values: \"All\""}});
    }
    dry_run = true;
  }
  return dry_run;
}

Outcome<WriteOptions> ParseWriteOptions(const http::Request& request, const std::string& kind) {
  WriteOptions options;
  std::vector<std::string> dry_run;
  for (const auto& [name, value] : request.query) {
    if (name == "dryRun") dry_run.push_back(value);
  }
  ASYA_TRY(options.dry_run, ParseDryRun(dry_run, kind));
  const std::string validation = request.Query("fieldValidation").value_or("");
  if (validation == "Ignore") {
    options.field_validation = FieldValidation::kIgnore;
  } else if (validation == "Strict") {
    options.field_validation = FieldValidation::kStrict;
  } else if (!validation.empty() && validation != "Warn") {
    return InvalidOptions(
        kind, {{"fieldValidation", "FieldValueNotSupported",
                "Unsupported value: \"" + validation + "\": supported values: \"Ignore\", \"Strict\", \"Warn\""}});
  }
  ASYA_TRY([[maybe_unused]] const Done manager, ParseManager(request, kind, options));
  return options;
}

Outcome<ListOptions> ParseListOptions(const http::Request& request, const RequestInfo& info, bool watch) {
  ListOptions options;
  options.continue_token = request.Query("continue").value_or("");
  options.revision = request.Query("resourceVersion").value_or("");
  options.revision_match = request.Query("resourceVersionMatch").value_or("");
  options.bookmarks = IsTrue(request.Query("allowWatchBookmarks"));
  if (const auto initial = request.Query("sendInitialEvents")) options.send_initial_events = IsTrue(initial);
  ASYA_TRY([[maybe_unused]] const Done numbers, ParseNumbers(request, options));
  ASYA_TRY([[maybe_unused]] const Done match, CheckRevisionMatch(options, watch));
  ASYA_TRY([[maybe_unused]] const Done selectors, ParseSelectors(request, info, options));
  return options;
}

}  // namespace asya::apiserver
