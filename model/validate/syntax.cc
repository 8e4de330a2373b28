#include "model/validate/syntax.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "core/base/clock.h"

namespace asya::model {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return IsLower(c) || (c >= 'A' && c <= 'Z'); }
bool IsAlphanumeric(char c) { return IsAlpha(c) || IsDigit(c); }
bool IsVisible(char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; }

// Python names may hold letters of any script, hence every byte above ASCII.
bool IsIdentifier(std::string_view text) {
  const auto starts = [](char c) { return IsAlpha(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; };
  if (text.empty() || !starts(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return starts(c) || IsDigit(c); });
}

// Identifiers joined by dots, at least `least` of them.
bool IsDotted(std::string_view text, std::size_t least) {
  std::size_t count = 0;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!IsIdentifier(text.substr(0, dot))) return false;
    ++count;
    if (dot == std::string_view::npos) return count >= least;
    text.remove_prefix(dot + 1);
  }
}

bool IsQualifiedPart(std::string_view text) {
  if (text.empty() || text.size() > kDnsLabelLimitBytes) return false;
  if (!IsAlphanumeric(text.front()) || !IsAlphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '-' || c == '_' || c == '.'; });
}

bool IsJsonPointer(std::string_view text) {
  if (!text.empty() && text.front() != '/') return false;
  for (std::size_t at = text.find('~'); at != std::string_view::npos; at = text.find('~', at + 1)) {
    if (at + 1 >= text.size() || (text[at + 1] != '0' && text[at + 1] != '1')) return false;
  }
  return true;
}

bool HasCredentials(std::string_view url) {
  const std::size_t start = url.find("://");
  if (start == std::string_view::npos) return false;
  const std::string_view authority = url.substr(start + 3, url.find_first_of("/?#", start + 3) - start - 3);
  return authority.find('@') != std::string_view::npos;
}

std::optional<std::string> CheckHttpUrl(std::string_view text) {
  if (HasCredentials(text)) return "must not carry a user name or password: put them into a Secret";
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (text.substr(0, scheme.size()) == scheme && text.size() > scheme.size() && IsAlphanumeric(text[scheme.size()]) &&
        std::all_of(text.begin(), text.end(), IsVisible)) {
      return std::nullopt;
    }
    if (text.substr(0, scheme.size()) == scheme && text.size() > scheme.size() && text[scheme.size()] == '[')
      return std::nullopt;
  }
  return "must be a URL that starts with http:// or https://";
}

std::optional<double> SuffixFactor(std::string_view suffix) {
  struct Unit {
    std::string_view name;
    double factor;
  };
  static constexpr std::array<Unit, 16> kUnits = {{{"", 1},
                                                   {"n", 1e-9},
                                                   {"u", 1e-6},
                                                   {"m", 1e-3},
                                                   {"k", 1e3},
                                                   {"M", 1e6},
                                                   {"G", 1e9},
                                                   {"T", 1e12},
                                                   {"P", 1e15},
                                                   {"E", 1e18},
                                                   {"Ki", 0x1p10},
                                                   {"Mi", 0x1p20},
                                                   {"Gi", 0x1p30},
                                                   {"Ti", 0x1p40},
                                                   {"Pi", 0x1p50},
                                                   {"Ei", 0x1p60}}};
  for (const Unit& unit : kUnits) {
    if (unit.name == suffix) return unit.factor;
  }
  if (suffix.size() < 2 || suffix.size() > 5 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  std::string_view digits = suffix.substr(1);
  if (digits.front() == '+' || digits.front() == '-') digits.remove_prefix(1);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), IsDigit)) return std::nullopt;
  return std::pow(10.0, std::strtod(std::string(suffix.substr(1)).c_str(), nullptr));
}

std::optional<double> ParseQuantityText(std::string_view text) {
  constexpr std::size_t kQuantityLimitBytes = 64;
  if (text.size() > kQuantityLimitBytes) return std::nullopt;
  double sign = 1;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
  }
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, end);
  const auto dots = std::count(number.begin(), number.end(), '.');
  if (dots > 1 || number.size() == static_cast<std::size_t>(dots)) return std::nullopt;
  const auto factor = SuffixFactor(text.substr(end));
  if (!factor) return std::nullopt;
  return sign * std::strtod(std::string(number).c_str(), nullptr) * *factor;
}

}  // namespace

bool IsDnsLabel(std::string_view text, std::size_t limit_bytes) {
  if (text.empty() || text.size() > limit_bytes || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

bool IsDnsSubdomain(std::string_view text) {
  if (text.size() > kDnsSubdomainLimitBytes) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!IsDnsLabel(text.substr(0, dot), kDnsSubdomainLimitBytes)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool IsQualifiedName(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return IsQualifiedPart(text);
  return IsDnsSubdomain(text.substr(0, slash)) && IsQualifiedPart(text.substr(slash + 1));
}

bool IsLabelValue(std::string_view text) { return text.empty() || IsQualifiedPart(text); }

bool IsEnvironmentName(std::string_view text) {
  if (text.empty() || IsDigit(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '_' || c == '-' || c == '.'; });
}

bool IsHandler(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return text.find('/') == std::string_view::npos && IsDotted(text, 2);
  const std::string_view file = text.substr(0, colon);
  constexpr std::string_view kSuffix = ".py";
  if (file.size() <= kSuffix.size() || file.substr(file.size() - kSuffix.size()) != kSuffix) return false;
  if (file[file.size() - kSuffix.size() - 1] == '/') return false;
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == ':'; };
  return std::none_of(file.begin(), file.end(), control) && IsDotted(text.substr(colon + 1), 1);
}

bool IsErrorPattern(std::string_view text) { return IsDotted(text, 1); }

std::optional<double> ParseQuantity(const json::Value& value) {
  if (value.IsNumber()) return value.AsDouble();
  if (value.IsString()) return ParseQuantityText(value.AsString());
  return std::nullopt;
}

std::optional<std::string> CheckFormat(Format format, std::string_view text) {
  const auto unless = [](bool fits, const char* words) {
    return fits ? std::nullopt : std::optional<std::string>(words);
  };
  const auto duration = [&] {
    const auto parsed = ParseGoDuration(text);
    return parsed && parsed->count() > 0;
  };
  switch (format) {
    case Format::kNone:
      return std::nullopt;
    case Format::kGoDuration:
      return unless(duration(), "must be a duration above zero such as \"600s\", \"5m\" or \"1h30m\"");
    case Format::kDnsLabel:
      return unless(IsDnsLabel(text),
                    "must be at most 63 lower case letters, digits or '-', and start and end with a letter or digit");
    case Format::kDnsSubdomain:
      return unless(
          IsDnsSubdomain(text),
          "must be at most 253 lower case letters, digits, '-' or '.', and start and end with a letter or digit");
    case Format::kActorName:
      return unless(IsDnsLabel(text, kActorNameLimitBytes),
                    "must be at most 54 lower case letters, digits or '-', and start and end with a letter or digit");
    case Format::kEnvironmentName:
      return unless(IsEnvironmentName(text),
                    "must be letters, digits, '_', '-' or '.', and must not start with a digit");
    case Format::kHandler:
      return unless(IsHandler(text), "must be module.function, module.Class.method or path/file.py:function");
    case Format::kHttpUrl:
      return CheckHttpUrl(text);
    case Format::kJsonPointer:
      return unless(IsJsonPointer(text), "must be a JSON Pointer: empty, or \"/name/0\"");
    case Format::kAbsolutePath:
      return unless(text.size() > 1 && text.front() == '/' && text.find("/../") == std::string_view::npos,
                    "must be an absolute path");
    case Format::kImage:
      return unless(!text.empty() && std::all_of(text.begin(), text.end(), IsVisible),
                    "must be a container image such as \"registry.example/team/model:1.2\", without white space");
    case Format::kErrorPattern:
      return unless(IsErrorPattern(text),
                    "must be an error type such as \"ValueError\" or \"requests.exceptions.Timeout\"");
    case Format::kDateTime:
      return unless(ParseRfc3339(text).has_value(), "must be an RFC 3339 time such as \"2026-11-18T12:00:00Z\"");
  }
  return std::nullopt;
}

}  // namespace asya::model
