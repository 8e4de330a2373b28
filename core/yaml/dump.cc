#include "core/yaml/dump.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string_view>

#include "core/yaml/scalar.h"

namespace asya::yaml {
namespace {

constexpr std::size_t kIndent = 2;

// Bytes that mean nothing to YAML inside a plain scalar of a block; a colon is judged by what follows it.
bool IsPlainByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("_-./ +@%=~^()$;<>:,").find(c) != std::string_view::npos ||
         static_cast<unsigned char>(c) >= 0xC3;
}

// Bytes of multi-byte characters, among them the leads of those that YAML takes for line breaks or for a byte order
// mark.
bool IsOddByte(unsigned char byte) {
  return byte < 0x20 || byte == 0x7F || byte == 0xC2 || byte == 0xE2 || byte == 0xEF;
}

// Words that YAML 1.1 readers take for booleans; quoted, so that every reader sees the same.
bool IsOldBoolean(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const std::string_view word : {"y", "n", "yes", "no", "on", "off"}) {
    if (lower == word) return true;
  }
  return false;
}

bool StartsPlain(std::string_view text) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  if (text.front() == '-')
    return text.size() > 1 && (is_word(text[1]) || (text[1] == '-' && text.size() > 2 && is_word(text[2])));
  return is_word(text.front()) || text.front() == '/' || text.front() == '_' || text.front() == '.';
}

bool IsPlain(std::string_view text) {
  constexpr std::size_t kPlainLimitBytes = 200;
  if (text.empty() || text.size() > kPlainLimitBytes || IsOldBoolean(text) || !StartsPlain(text)) return false;
  if (text.back() == ' ' || text.back() == ':' || text.find(": ") != std::string_view::npos) return false;
  if (!std::all_of(text.begin(), text.end(), IsPlainByte)) return false;
  // Dates, times and the like: what looks like a number to some reader has digits but no letter.
  if (std::none_of(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c) != 0; })) {
    if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) return false;
    if (text.substr(0, 3) == "...") return false;
  }
  const auto value = ResolvePlain(text);
  return value && value->IsString();
}

// Whether the text reads better between single quotes than escaped between double ones.
bool IsSingleQuoted(std::string_view text) {
  if (text.find_first_of("\"\\") == std::string_view::npos) return false;
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return IsOddByte(c); });
}

std::string SingleQuoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

std::string OneLine(std::string_view text) {
  if (IsPlain(text)) return std::string(text);
  return IsSingleQuoted(text) ? SingleQuoted(text) : json::Quote(text);
}

// Whether a text of several lines can stand as a literal block (|) and come back byte for byte.
bool IsBlock(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n') return false;
  if (text.size() >= 2 && text.substr(text.size() - 2) == "\n\n") return false;
  char before = 'x';
  for (const char c : text) {
    if (c == '\n' && before == ' ') return false;
    const auto byte = static_cast<unsigned char>(c);
    if (c != '\n' && IsOddByte(byte)) return false;
    before = c;
  }
  return before != ' ';
}

void Write(const json::Value& value, std::size_t indent, std::string& out);

void WriteBlock(std::string_view text, std::size_t indent, std::string& out) {
  const bool ends = text.back() == '\n';
  out += ends ? "|\n" : "|-\n";
  if (ends) text.remove_suffix(1);
  while (true) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (!line.empty()) out.append(indent, ' ').append(line);
    out += '\n';
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

void WriteString(std::string_view text, std::size_t indent, std::string& out) {
  if (IsBlock(text)) return WriteBlock(text, std::max<std::size_t>(indent, kIndent), out);
  out += OneLine(text);
  out += '\n';
}

bool IsBranch(const json::Value& value) {
  return (value.IsObject() && !value.AsObject().empty()) || (value.IsArray() && !value.AsArray().empty());
}

// YAML takes what is longer than 1024 characters for no key, unless a question mark says that it is one.
constexpr std::size_t kKeyLimitBytes = 900;

void WriteKey(std::string_view key, std::size_t indent, std::string& out) {
  const std::string text = OneLine(key);
  if (text.size() > kKeyLimitBytes) {
    out += "? " + text + "\n" + std::string(indent, ' ');
  } else {
    out += text;
  }
  out += ':';
}

void WriteObject(const json::Object& object, std::size_t indent, bool in_list, std::string& out) {
  bool first = true;
  for (const auto& [key, member] : object) {
    // The first key of a map in a list stands beside the dash.
    if (!first || !in_list) out.append(indent, ' ');
    first = false;
    WriteKey(key, indent, out);
    if (IsBranch(member)) {
      out += '\n';
      // Lists stand under their key without a further indent, as kubectl prints them.
      Write(member, member.IsArray() ? indent : indent + kIndent, out);
    } else {
      out += ' ';
      Write(member, indent + kIndent, out);
    }
  }
}

void WriteArray(const json::Array& array, std::size_t indent, std::string& out) {
  for (const json::Value& item : array) {
    out.append(indent, ' ').append("-");
    if (item.IsObject() && IsBranch(item)) {
      out += ' ';
      WriteObject(item.AsObject(), indent + kIndent, true, out);
    } else if (IsBranch(item)) {
      out += '\n';
      WriteArray(item.AsArray(), indent + kIndent, out);
    } else {
      out += ' ';
      Write(item, indent + kIndent, out);
    }
  }
}

void Write(const json::Value& value, std::size_t indent, std::string& out) {
  if (value.IsString()) {
    WriteString(value.AsString(), indent, out);
  } else if (value.IsObject() && IsBranch(value)) {
    WriteObject(value.AsObject(), indent, false, out);
  } else if (value.IsArray() && IsBranch(value)) {
    WriteArray(value.AsArray(), indent, out);
  } else {
    out += json::Dump(value);
    out += '\n';
  }
}

}  // namespace

std::string Dump(const json::Value& value) {
  std::string out;
  Write(value, 0, out);
  return out;
}

std::string DumpAll(const std::vector<json::Value>& values) {
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += "---\n";
    out += yaml::Dump(values[i]);
  }
  return out;
}

}  // namespace asya::yaml
