#include "apiserver/access/token_file.h"

#include <algorithm>

namespace asya::apiserver {
namespace {

constexpr std::size_t kMistakesShownMax = 10;

struct Line {
  std::vector<std::string> columns;
  const char* mistake = nullptr;
};

// One column, quoted or not; `text` then begins behind it.
std::string TakeColumn(std::string_view& text, const char*& mistake) {
  std::string column;
  if (text.empty() || text.front() != '"') {
    const std::size_t end = std::min(text.find(','), text.size());
    column = text.substr(0, end);
    if (column.find('"') != std::string::npos) mistake = "a quote stands within a column that does not begin with one";
    text.remove_prefix(end);
    return column;
  }
  text.remove_prefix(1);
  for (;;) {
    const std::size_t quote = text.find('"');
    if (quote == std::string_view::npos) {
      mistake = "a quote is not closed";
      text = {};
      return column;
    }
    column += text.substr(0, quote);
    text.remove_prefix(quote + 1);
    if (text.empty() || text.front() != '"') break;
    column += '"';  // two quotes are one
    text.remove_prefix(1);
  }
  if (!text.empty() && text.front() != ',') mistake = "something stands behind a closing quote";
  text.remove_prefix(std::min(text.find(','), text.size()));
  return column;
}

Line ReadLine(std::string_view text) {
  Line line;
  for (;;) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    line.columns.push_back(TakeColumn(text, line.mistake));
    if (text.empty()) return line;
    text.remove_prefix(1);  // the comma
  }
}

std::vector<std::string> Split(const std::string& groups) {
  std::vector<std::string> names;
  std::size_t begin = 0;
  while (begin <= groups.size()) {
    const std::size_t end = std::min(groups.find(',', begin), groups.size());
    if (end > begin) names.push_back(groups.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

bool IsPrintable(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; });
}

const char* MistakeOf(const Line& line) {
  if (line.mistake != nullptr) return line.mistake;
  if (line.columns.size() < 3) return "token,user,uid[,\"group1,group2\"] is accepted";
  if (line.columns.size() > 4) return "there are more than four columns; several groups stand in one pair of quotes";
  const std::string& token = line.columns[0];
  if (token.empty()) return "the token is empty";
  if (token.size() > kTokenBytesMax) return "the token is longer than 8192 bytes";
  if (!IsPrintable(token)) return "the token holds a blank or a control character, which no header can carry";
  return line.columns[1].empty() ? "the user is empty" : nullptr;
}

// Of all lines, as one text.
class Mistakes {
 public:
  void Add(std::size_t line, const char* what) {
    if (++found_ > kMistakesShownMax) return;
    if (!text_.empty()) text_ += "; ";
    text_ += "line " + std::to_string(line) + ": " + what;
  }
  [[nodiscard]] bool any() const { return found_ > 0; }
  [[nodiscard]] std::string Text() const {
    if (found_ <= kMistakesShownMax) return text_;
    return text_ + "; and " + std::to_string(found_ - kMistakesShownMax) + " more";
  }

 private:
  std::string text_;
  std::size_t found_ = 0;
};

// Up to the end of the line, which is taken from `text` with it.
std::string_view TakeRow(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view row = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
  return row;
}

}  // namespace

Result<TokenFile> TokenFile::Parse(std::string_view text) {
  TokenFile file;
  Mistakes mistakes;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view row = TakeRow(text);
    if (row.empty()) continue;
    const Line line = ReadLine(row);
    if (const char* mistake = MistakeOf(line)) {
      mistakes.Add(number, mistake);
      continue;
    }
    if (file.users_.size() == kTokensMax)
      return asya::Invalid("", "more than " + std::to_string(kTokensMax) + " tokens");
    if (file.Find(line.columns[0])) mistakes.Add(number, "the token was given before");
    User user{line.columns[1], {}, line.columns[2]};
    if (line.columns.size() > 3) user.groups = Split(line.columns[3]);
    file.users_.emplace_back(Sha256(line.columns[0]), std::move(user));
  }
  if (mistakes.any()) return asya::Invalid("", mistakes.Text());
  return file;
}

std::optional<User> TokenFile::Find(std::string_view token) const {
  if (token.empty() || token.size() > kTokenBytesMax) return std::nullopt;
  const Sha256Digest given = Sha256(token);
  const User* found = nullptr;
  for (const auto& [digest, user] : users_) {
    unsigned difference = 0;
    for (std::size_t i = 0; i < digest.size(); ++i) difference |= static_cast<unsigned>(digest[i] ^ given[i]);
    if (difference == 0) found = &user;
  }
  return found == nullptr ? std::nullopt : std::optional<User>(*found);
}

}  // namespace asya::apiserver
