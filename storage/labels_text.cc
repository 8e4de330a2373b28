#include "storage/labels_text.h"

#include <utility>

namespace asya::storage {
namespace {

constexpr std::string_view kEscape25 = "%25";
constexpr std::string_view kEscape2C = "%2C";
constexpr std::string_view kEscape3D = "%3D";

void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '%':
        out += kEscape25;
        break;
      case ',':
        out += kEscape2C;
        break;
      case '=':
        out += kEscape3D;
        break;
      default:
        out += c;
    }
  }
}

std::string Unescape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view head = text.substr(0, kEscape25.size());
    const char plain = head == kEscape25 ? '%' : head == kEscape2C ? ',' : head == kEscape3D ? '=' : '\0';
    out += plain != '\0' ? plain : text.front();
    text.remove_prefix(plain != '\0' ? kEscape25.size() : 1);
  }
  return out;
}

}  // namespace

std::string LabelsToText(const ports::Labels& labels) {
  std::string out;
  for (const auto& [key, value] : labels) {
    if (!out.empty()) out += ',';
    AppendEscaped(out, key);
    out += '=';
    AppendEscaped(out, value);
  }
  return out;
}

ports::Labels LabelsFromText(std::string_view text) {
  ports::Labels labels;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view pair = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    labels.emplace_hint(labels.end(), Unescape(pair.substr(0, equals)),
                        Unescape(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return labels;
}

}  // namespace asya::storage
