#include "apiserver/selector.h"

#include <string>
#include <utility>
#include <vector>

namespace asya::apiserver {
namespace {

using ports::LabelRequirement;
using Operator = LabelRequirement::Operator;
constexpr std::size_t kRequirementsLimit = 1000;  // in one selector

bool IsSymbol(char c) { return std::string_view(",()=!<>").find(c) != std::string_view::npos; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // A symbol ("," "(" ")" "=" "==" "!=" "!" "<" ">") or a word; empty at the end.
  std::string_view Next() {
    while (!text_.empty() && IsSpace(text_[0])) text_.remove_prefix(1);
    std::size_t size = 0;
    if (!text_.empty() && IsSymbol(text_[0])) {
      const bool pair = text_.size() > 1 && text_[1] == '=' && (text_[0] == '=' || text_[0] == '!');
      size = pair ? 2 : 1;
    } else {
      while (size < text_.size() && !IsSymbol(text_[size]) && !IsSpace(text_[size])) ++size;
    }
    const std::string_view token = text_.substr(0, size);
    text_.remove_prefix(size);
    return token;
  }
  [[nodiscard]] std::string_view Peek() const { return Scanner(*this).Next(); }

 private:
  std::string_view text_;
};

bool IsWord(std::string_view token) { return !token.empty() && !IsSymbol(token[0]); }

bool IsNameCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}

bool IsLabelText(std::string_view text, bool slash_allowed) {
  constexpr std::size_t kLongest = 253 + 1 + 63;
  if (text.size() > kLongest) return false;
  for (const char c : text) {
    if (!IsNameCharacter(c) && !(slash_allowed && c == '/')) return false;
  }
  return true;
}

Error Unexpected(std::string_view token, const char* expected) {
  const std::string found = token.empty() ? "the end" : "\"" + std::string(token) + "\"";
  return Invalid("labelSelector", "unable to parse requirement: found " + found + ", expected " + expected);
}

Result<std::vector<std::string>> ParseValues(Scanner& scanner) {
  if (const auto open = scanner.Next(); open != "(") return Unexpected(open, "'('");
  std::vector<std::string> values;
  for (;;) {
    // An empty value is allowed: "in (a,)".
    const std::string_view peeked = scanner.Peek();
    std::string_view value;
    if (peeked != "," && peeked != ")") value = scanner.Next();
    if (!value.empty() && !IsWord(value)) return Unexpected(value, "a label value");
    if (!IsLabelText(value, false)) return Unexpected(value, "a label value");
    values.emplace_back(value);
    const std::string_view separator = scanner.Next();
    if (separator == ")") return values;
    if (separator != ",") return Unexpected(separator, "',' or ')'");
  }
}

// Of =, ==, !=, > and <: one value, which may be empty.
Result<std::string> ParseValue(Scanner& scanner) {
  const std::string_view next = scanner.Peek();
  const std::string_view value = next.empty() || next == "," ? std::string_view() : scanner.Next();
  const bool is_word = value.empty() || IsWord(value);
  if (!is_word || !IsLabelText(value, false)) return Unexpected(value, "a label value");
  return std::string(value);
}

std::optional<Operator> OperatorOf(std::string_view text) {
  if (text == "=" || text == "==" || text == "in") return Operator::kIn;
  if (text == "!=" || text == "notin") return Operator::kNotIn;
  if (text == ">") return Operator::kGreater;
  if (text == "<") return Operator::kLess;
  return std::nullopt;
}

Result<LabelRequirement> ParseRequirement(Scanner& scanner) {
  LabelRequirement requirement;
  std::string_view token = scanner.Next();
  const bool negated = token == "!";
  if (negated) token = scanner.Next();
  if (!IsWord(token) || !IsLabelText(token, true)) return Unexpected(token, "a label key");
  requirement.key = std::string(token);
  requirement.op = negated ? Operator::kNotExists : Operator::kExists;
  const std::string_view peeked = scanner.Peek();
  if (negated || peeked.empty() || peeked == ",") return requirement;
  const std::string_view op = scanner.Next();
  const auto known = OperatorOf(op);
  if (!known) return Unexpected(op, "one of =, ==, !=, >, <, in, notin");
  requirement.op = *known;
  if (op == "in" || op == "notin") {
    ASYA_TRY(requirement.values, ParseValues(scanner));
    return requirement;
  }
  ASYA_TRY(std::string value, ParseValue(scanner));
  const bool compares = requirement.op == Operator::kGreater || requirement.op == Operator::kLess;
  if (compares && !ports::LabelInteger(value)) return Unexpected(value, "an integer");
  requirement.values.push_back(std::move(value));
  return requirement;
}

bool IsOfEvents(const std::string& field) {
  return field.starts_with("involvedObject.") || field == "reason" || field == "type";
}

// Contradictory values leave nothing.
void Narrow(bool excluded, std::string value, std::optional<std::string>& only, std::vector<std::string>& others,
            FieldSelection& selection) {
  if (excluded) {
    others.push_back(std::move(value));
    return;
  }
  selection.nothing = selection.nothing || (only && *only != value);
  only = std::move(value);
}

Status AddField(std::string_view term, bool of_events, ports::Selector& selector, FieldSelection& selection) {
  const std::size_t equals = term.find('=');
  if (equals == std::string_view::npos) {
    return Invalid("fieldSelector", "invalid selector: \"" + std::string(term) + "\"; it has no =, == or !=");
  }
  const bool excluded = equals > 0 && term[equals - 1] == '!';
  const std::string field(term.substr(0, excluded ? equals - 1 : equals));
  std::string value(term.substr(term.substr(equals, 2) == "==" ? equals + 2 : equals + 1));
  if (field == "metadata.name") {
    Narrow(excluded, std::move(value), selector.name, selector.names_excluded, selection);
  } else if (field == "metadata.namespace") {
    Narrow(excluded, std::move(value), selection.namespace_only, selector.namespaces_excluded, selection);
  } else if (of_events && IsOfEvents(field)) {
    selector.labels.push_back({field, excluded ? Operator::kNotIn : Operator::kIn, {std::move(value)}});
  } else {
    return Invalid("fieldSelector", "field label not supported: " + field);
  }
  return Ok();
}

}  // namespace

Status ParseLabelSelector(std::string_view text, ports::Selector& selector) {
  Scanner scanner(text);
  if (scanner.Peek().empty()) return Ok();
  for (;;) {
    ASYA_TRY(LabelRequirement requirement, ParseRequirement(scanner));
    selector.labels.push_back(std::move(requirement));
    if (selector.labels.size() > kRequirementsLimit) return Invalid("labelSelector", "too many requirements");
    const std::string_view separator = scanner.Next();
    if (separator.empty()) return Ok();
    if (separator != ",") return Unexpected(separator, "',' or the end");
  }
}

Result<FieldSelection> ParseFieldSelector(std::string_view text, bool of_events, ports::Selector& selector) {
  FieldSelection selection;
  std::size_t count = 0;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view term = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (term.empty()) continue;
    if (++count > kRequirementsLimit) return Invalid("fieldSelector", "too many requirements");
    ASYA_TRY_STATUS(AddField(term, of_events, selector, selection));
  }
  return selection;
}

}  // namespace asya::apiserver
