#include "relay/handler_metrics.h"

#include <algorithm>
#include <utility>

#include "core/json/parse.h"

namespace asya::relay {
namespace {

constexpr std::size_t kLabelLimitBytes = 128;

bool IsName(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

void ReadDeclaration(const json::Value& item, const std::string& field, std::vector<MetricDeclaration>& declarations,
                     std::vector<Error>& problems) {
  MetricDeclaration declared;
  declared.name = item.GetString("name").value_or("");
  declared.type = item.GetString("type").value_or("");
  declared.help = item.GetString("help").value_or(declared.name);
  if (!IsName(declared.name)) {
    problems.push_back(Invalid(field + ".name", "a name of letters, digits and underscores is accepted"));
    return;
  }
  if (declared.type != "counter" && declared.type != "gauge" && declared.type != "histogram") {
    problems.push_back(Invalid(field + ".type", "counter, gauge and histogram are accepted"));
    return;
  }
  if (const json::Value* labels = item.Find("labels"); labels != nullptr && labels->IsArray()) {
    for (const json::Value& label : labels->AsArray()) {
      if (label.IsString() && IsName(label.AsString())) {
        declared.labels.push_back(label.AsString());
      } else {
        problems.push_back(Invalid(field + ".labels", "names of letters, digits and underscores are accepted"));
      }
    }
  }
  if (const json::Value* buckets = item.Find("buckets"); buckets != nullptr && buckets->IsArray()) {
    for (const json::Value& bound : buckets->AsArray()) {
      if (bound.IsNumber()) declared.buckets.push_back(bound.AsDouble());
    }
    if (!std::is_sorted(declared.buckets.begin(), declared.buckets.end())) {
      problems.push_back(Invalid(field + ".buckets", "rising numbers are accepted"));
    }
  }
  declarations.push_back(std::move(declared));
}

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
    ReadDeclaration(value->AsArray()[i], "[" + std::to_string(i) + "]", declarations, problems);
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
