#include "core/json/splice.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "core/json/split.h"

namespace asya::json {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<std::size_t> Index(std::string_view token) {
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return std::nullopt;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
  return index;
}

// What comes before and after a place of `text`.
struct Around {
  std::string before;
  std::string after;
  std::string_view old;
};

Around Replacing(std::string_view text, std::string_view part) {
  const auto at = static_cast<std::size_t>(part.data() - text.data());
  return {std::string(text.substr(0, at)), std::string(text.substr(at + part.size())), part};
}

Around AtEnd(std::string_view text, bool has_others, const std::string& name) {
  return {
      std::string(text.substr(0, text.size() - 1)) + (has_others ? "," : "") + name, std::string(1, text.back()), {}};
}

Result<Around> Open(std::string_view text, const std::string& token) {
  if (text.empty() || text == "null") return Around{"{" + Quote(token) + ":", "}", {}};
  if (text.front() == '{') {
    ASYA_TRY(const auto members, Split(text));
    for (const Member& member : members) {
      if (member.key == token) return Replacing(text, member.value);
    }
    return AtEnd(text, !members.empty(), Quote(token) + ":");
  }
  if (text.front() == '[') {
    ASYA_TRY(const auto items, SplitArray(text));
    if (token == "-") return AtEnd(text, !items.empty(), "");
    const auto index = Index(token);
    if (index && *index < items.size()) return Replacing(text, items[*index]);
    return Invalid(token, "the array has no such place");
  }
  return Invalid(token, "there is neither an object nor an array to put it into");
}

}  // namespace

Result<std::string_view> FindText(std::string_view text, const Pointer& pointer) {
  text = Trim(text);
  for (const std::string& token : pointer.tokens()) {
    std::optional<std::string_view> found;
    if (!text.empty() && text.front() == '{') {
      ASYA_TRY(const auto members, Split(text));
      for (const Member& member : members) {
        if (member.key == token) found = member.value;
      }
    } else if (!text.empty() && text.front() == '[') {
      ASYA_TRY(const auto items, SplitArray(text));
      const auto index = Index(token);
      if (index && *index < items.size()) found = items[*index];
    }
    if (!found) return Fail(ErrorCode::kNotFound, "nothing is at " + pointer.Text());
    text = *found;
  }
  return text;
}

Result<std::string> PutText(std::string_view text, const Pointer& pointer, std::string_view value) {
  text = Trim(text);
  std::string before;
  std::vector<std::string> after;
  for (const std::string& token : pointer.tokens()) {
    ASYA_TRY(Around around, Open(text, token));
    before += around.before;
    after.push_back(std::move(around.after));
    text = around.old;
  }
  before += value;
  for (auto part = after.rbegin(); part != after.rend(); ++part) before += *part;
  return before;
}

}  // namespace asya::json
