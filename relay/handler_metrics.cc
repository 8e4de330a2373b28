#include "relay/handler_metrics.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "core/json/parse.h"

namespace asya::relay {
namespace {

constexpr std::size_t kLabelLimitBytes = 128;

// Of the relay itself, under the same prefix.
constexpr std::string_view kOwnNames[] = {"active_messages",
                                          "claim_failures_total",
                                          "claim_held_bytes",
                                          "claim_read_bytes_total",
                                          "claim_written_bytes_total",
                                          "claims_read_total",
                                          "claims_reused_total",
                                          "claims_written_total",
                                          "in_flight",
                                          "message_size_bytes",
                                          "messages_failed_total",
                                          "messages_processed_total",
                                          "messages_received_total",
                                          "messages_sent_total",
                                          "processing_duration_seconds",
                                          "queue_receive_duration_seconds",
                                          "queue_send_duration_seconds",
                                          "queue_wait_seconds",
                                          "reconnects_total",
                                          "redeliveries_total",
                                          "report_failures_total",
                                          "reports_dropped_total",
                                          "runtime_errors_total",
                                          "runtime_execution_duration_seconds",
                                          "s3_calls_total",
                                          "s3_retries_total",
                                          "spans_dropped_total",
                                          "spans_exported_total"};

template <std::size_t kCount>
bool IsAmong(std::string_view text, const std::string_view (&names)[kCount]) {
  return std::find(std::begin(names), std::end(names), text) != std::end(names);
}

bool IsName(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

// Reads one declaration, and says everything that is wrong with it.
class DeclarationReader {
 public:
  DeclarationReader(const json::Value& item, std::string field, std::vector<Error>& problems)
      : item_(item), field_(std::move(field)), problems_(problems) {}

  std::optional<MetricDeclaration> Read() {
    const std::size_t before = problems_.size();
    if (!item_.IsObject()) {
      Refuse("", item_, "{name, type, help, labels, buckets} is accepted");
      return std::nullopt;
    }
    // Members that are not known, such as a unit, are passed over: nothing is exported wrongly for them.
    declared_.name = Text("name");
    declared_.type = Text("type");
    declared_.help = item_.GetString("help").value_or(declared_.name);
    CheckName();
    if (declared_.type != "counter" && declared_.type != "gauge" && declared_.type != "histogram") {
      Refuse(".type", declared_.type, "counter, gauge and histogram are accepted");
    }
    ReadLabels();
    ReadBuckets();
    return problems_.size() == before ? std::optional(std::move(declared_)) : std::nullopt;
  }

 private:
  void Refuse(const std::string& member, const json::Value& got, const std::string& accepted) {
    problems_.push_back(Invalid(field_ + member, "got " + json::Dump(got) + "; " + accepted));
  }
  std::string Text(const char* member) { return item_.GetString(member).value_or(""); }
  void CheckName() {
    if (!IsName(declared_.name)) {
      Refuse(".name", declared_.name, "a name of letters, digits and underscores is accepted");
    } else if (IsAmong(declared_.name, kOwnNames)) {
      Refuse(".name", declared_.name, "a name that the relay has no metric of is accepted");
    }
  }
  // Those that begin with two underscores are Prometheus' own, and "le" is the bound of a bucket.
  void ReadLabels() {
    const json::Value* labels = item_.Find("labels");
    if (labels == nullptr || labels->IsNull()) return;
    if (!labels->IsArray()) return Refuse(".labels", *labels, "a list of names is accepted");
    for (const json::Value& label : labels->AsArray()) {
      const std::string name = label.IsString() ? label.AsString() : "";
      const bool reserved = name.rfind("__", 0) == 0 || (name == "le" && declared_.type == "histogram");
      const auto& taken = declared_.labels;
      if (!IsName(name) || reserved || std::find(taken.begin(), taken.end(), name) != taken.end()) {
        Refuse(".labels", label,
               "different names of letters, digits and underscores that do not begin with two of them are accepted, "
               "and no le in a histogram");
      } else {
        declared_.labels.push_back(name);
      }
    }
  }
  void ReadBuckets() {
    const json::Value* buckets = item_.Find("buckets");
    if (buckets == nullptr || buckets->IsNull()) return;
    const auto is_number = [](const json::Value& bound) { return bound.IsNumber(); };
    const bool numbers =
        buckets->IsArray() && std::all_of(buckets->AsArray().begin(), buckets->AsArray().end(), is_number);
    if (!numbers) return Refuse(".buckets", *buckets, "a list of rising numbers is accepted");
    for (const json::Value& bound : buckets->AsArray()) declared_.buckets.push_back(bound.AsDouble());
    const auto not_rising =
        std::adjacent_find(declared_.buckets.begin(), declared_.buckets.end(), std::greater_equal<>());
    if (not_rising != declared_.buckets.end()) Refuse(".buckets", *buckets, "a list of rising numbers is accepted");
  }

  const json::Value& item_;
  const std::string field_;
  std::vector<Error>& problems_;
  MetricDeclaration declared_;
};

}  // namespace

std::vector<MetricDeclaration> ParseMetricDeclarations(std::string_view text, std::vector<Error>& problems) {
  std::vector<MetricDeclaration> declarations;
  if (text.empty()) return declarations;
  const auto value = json::Parse(text);
  if (!value.ok() || !value->IsArray()) {
    problems.push_back(Invalid("", "not a JSON list [{name, type, help, labels, buckets}]"));
    return declarations;
  }
  for (std::size_t i = 0; i < value->AsArray().size(); ++i) {
    const std::string field = "[" + std::to_string(i) + "]";
    auto declared = DeclarationReader(value->AsArray()[i], field, problems).Read();
    if (!declared) continue;
    const auto same = [&](const MetricDeclaration& other) { return other.name == declared->name; };
    if (std::any_of(declarations.begin(), declarations.end(), same)) {
      problems.push_back(Invalid(field + ".name", "got \"" + declared->name + "\" again; each name is accepted once"));
    } else {
      declarations.push_back(*std::move(declared));
    }
  }
  return declarations;
}

HandlerMetrics::HandlerMetrics(observe::Metrics& metrics, std::string prefix,
                               std::vector<MetricDeclaration> declarations)
    : metrics_(metrics), prefix_(std::move(prefix)) {
  for (MetricDeclaration& declaration : declarations) {
    const std::string name = declaration.name;
    families_[name].declaration = std::move(declaration);
  }
}

Status HandlerMetrics::Report(std::string_view data) {
  ASYA_TRY(const json::Value report, json::Parse(data));
  const std::string name = report.GetString("name").value_or("");
  const auto found = families_.find(name);
  if (found == families_.end()) return Invalid("name", "a metric that ASYA_CUSTOM_METRICS does not declare");
  const json::Value* value = report.Find("value");
  if (value == nullptr || !value->IsNumber()) return Invalid("value", "a number is accepted");
  Family& family = found->second;
  const json::Value* type = report.Find("type");
  if (type != nullptr && !type->IsNull() && *type != json::Value(family.declaration.type)) {
    return Invalid("type", "got " + json::Dump(*type) + "; " + name + " is declared as a " + family.declaration.type);
  }
  observe::MetricLabels labels;
  const json::Value* given = report.Find("labels");
  for (const std::string& label : family.declaration.labels) {
    std::string text = given == nullptr ? "" : given->GetString(label).value_or("");
    if (text.size() > kLabelLimitBytes) text = "other";
    labels[label] = std::move(text);
  }
  if (value->AsDouble() < 0 && family.declaration.type == "counter") return Invalid("value", "a counter only grows");
  Put(family, std::move(labels), value->AsDouble());
  return Ok();
}

void HandlerMetrics::Put(Family& family, observe::MetricLabels labels, double value) {
  const MetricDeclaration& declared = family.declaration;
  const std::string name = prefix_ + "_" + declared.name;
  const bool known = family.counters.count(labels) + family.gauges.count(labels) + family.histograms.count(labels) > 0;
  if (!known && family.size() >= kSeriesLimit) {
    for (auto& [label, text] : labels) text = "other";
  }
  if (declared.type == "counter") {
    if (family.counters.count(labels) == 0) {
      family.counters.emplace(labels, metrics_.MakeCounter(name, declared.help, labels));
    }
    family.counters.at(labels).Add(value);
  } else if (declared.type == "gauge") {
    if (family.gauges.count(labels) == 0)
      family.gauges.emplace(labels, metrics_.MakeGauge(name, declared.help, labels));
    family.gauges.at(labels).Set(value);
  } else {
    static constexpr double kDefaultBounds[] = {0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60};
    const std::vector<double> bounds = declared.buckets.empty()
                                           ? std::vector<double>(std::begin(kDefaultBounds), std::end(kDefaultBounds))
                                           : declared.buckets;
    if (family.histograms.count(labels) == 0) {
      family.histograms.emplace(labels, metrics_.MakeHistogram(name, declared.help, bounds, labels));
    }
    family.histograms.at(labels).Observe(value);
  }
}

}  // namespace asya::relay
