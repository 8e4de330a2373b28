#include <charconv>
#include <cmath>
#include <utility>

#include "core/json/parse.h"
#include "model/ownership/field_set.h"

namespace asya::model {
namespace {

constexpr std::size_t kPrefixLength = 2;
constexpr std::size_t kKeyDepthLimit = 8;
// Doubles beyond this are not whole numbers that an int64 holds.
constexpr double kWholeLimit = 9.0e18;

// 1.0 is the number 1, also as a key.
json::Value Canonical(json::Value value) {
  if (value.IsDouble() && std::abs(value.AsDouble()) < kWholeLimit &&
      std::trunc(value.AsDouble()) == value.AsDouble()) {
    return static_cast<std::int64_t>(value.AsDouble());
  }
  if (value.IsObject()) {
    for (auto& [name, member] : value.AsObject()) member = Canonical(std::move(member));
  } else if (value.IsArray()) {
    for (json::Value& item : value.AsArray()) item = Canonical(std::move(item));
  }
  return value;
}

Result<json::Value> ParseJson(std::string_view text) {
  json::ParseOptions options;
  options.depth_limit = kKeyDepthLimit;
  return json::Parse(text, options);
}

Result<std::optional<PathElement>> ParseKey(std::string_view body) {
  ASYA_TRY(json::Value key, ParseJson(body));
  if (!key.IsObject()) return Invalid("", "the keys of a list element must be an object: " + std::string(body));
  return std::optional(KeyElement(std::move(key.AsObject())));
}

Result<std::optional<PathElement>> ParseIndex(std::string_view body) {
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), index);
  if (error != std::errc() || end != body.data() + body.size()) {
    return Invalid("", "an index must be a number: " + std::string(body));
  }
  return std::optional<PathElement>("i:" + std::to_string(index));
}

int Rank(const PathElement& element) {
  constexpr std::string_view kOrder = "fkvi";
  return static_cast<int>(kOrder.find(element[0]));
}

std::string DescribeElement(const PathElement& element) {
  const std::string body = element.substr(kPrefixLength);
  switch (element[0]) {
    case 'f':
      return "." + body;
    case 'v':
      return "[=" + body + "]";
    case 'i':
      return "[" + body + "]";
    default:
      break;
  }
  const auto key = json::Parse(body);
  std::string text;
  if (key.ok() && key->IsObject()) {
    for (const auto& [name, value] : key->AsObject()) {
      text += (text.empty() ? "" : ",") + name + "=" + json::Dump(value);
    }
  }
  return "[" + text + "]";
}

}  // namespace

PathElement MemberElement(std::string_view name) { return "f:" + std::string(name); }
PathElement KeyElement(json::Object key) { return "k:" + json::Dump(Canonical(std::move(key))); }
PathElement ValueElement(json::Value value) { return "v:" + json::Dump(Canonical(std::move(value))); }

Result<std::optional<PathElement>> ParsePathElement(std::string_view text) {
  if (text.size() < kPrefixLength || text[1] != ':') {
    return Invalid("", "a path element begins with its kind and a colon: " + std::string(text));
  }
  const std::string_view body = text.substr(kPrefixLength);
  switch (text[0]) {
    case 'f':
      return std::optional(MemberElement(body));
    case 'k':
      return ParseKey(body);
    case 'v': {
      ASYA_TRY(json::Value value, ParseJson(body));
      return std::optional(ValueElement(std::move(value)));
    }
    case 'i':
      return ParseIndex(body);
    default:
      return std::optional<PathElement>();
  }
}

std::string DescribePath(const Path& path) {
  std::string text;
  for (const PathElement& element : path) text += DescribeElement(element);
  return text;
}

bool ElementOrder::operator()(const PathElement& a, const PathElement& b) const {
  const int first = Rank(a);
  const int second = Rank(b);
  return first != second ? first < second : a < b;
}

}  // namespace asya::model
