#include "core/json/split.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "core/base/utf8.h"
#include "core/json/scan.h"

namespace asya::json {
namespace {

constexpr std::size_t kFewMembers = 16;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

enum class Shape { kObject, kArray };

// Watches the parser's position at the events of depth one.
class Watcher : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Watcher> {
 public:
  Watcher(Shape shape, std::string_view text, rapidjson::MemoryStream& stream, const SplitOptions& options)
      : shape_(shape), text_(text), stream_(stream), options_(options) {}

  bool Null() { return EndValue(); }
  bool Bool(bool) { return EndValue(); }
  bool Int(int) { return EndValue(); }
  bool Uint(unsigned) { return EndValue(); }
  bool Int64(std::int64_t) { return EndValue(); }
  bool Uint64(std::uint64_t) { return EndValue(); }
  bool Double(double) { return EndValue(); }
  bool String(const char*, rapidjson::SizeType, bool) { return EndValue(); }
  bool StartObject() { return depth_ == 0 && shape_ == Shape::kArray ? Refuse("expected an array") : Open(); }
  bool StartArray() {
    if (depth_ == 0 && shape_ == Shape::kObject) return Refuse("expected an object");
    if (depth_ == 0) start_ = stream_.Tell() + (text_[stream_.Tell()] == '[' ? 1 : 0);
    return Open();
  }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool EndArray(rapidjson::SizeType) { return Close(); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (depth_ != 1 || shape_ == Shape::kArray) return true;
    key_.assign(text, size);
    // The second half of a surrogate pair, escaped and without the first, is read as bytes that are no text.
    if (!IsUtf8(key_)) return Refuse("a lone surrogate");
    if (Repeats()) return Refuse("duplicate field \"" + key_ + "\"");
    start_ = stream_.Tell();
    return true;
  }

  std::vector<Member> Take() { return std::move(members_); }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  // Whether there is a member of the key that was just read: a look at each of a few, an index of many.
  bool Repeats() {
    if (members_.size() < kFewMembers) {
      return std::any_of(members_.begin(), members_.end(), [this](const Member& member) { return member.key == key_; });
    }
    if (index_.empty()) {
      for (const Member& member : members_) index_.insert(member.key);
    }
    return !index_.insert(key_).second;
  }
  bool Refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  bool Open() {
    if (depth_ >= options_.depth_limit) {
      return Refuse("nested deeper than " + std::to_string(options_.depth_limit) + " levels");
    }
    ++depth_;
    return true;
  }
  bool Close() {
    --depth_;
    // The iterative parser reports the end of a container before it has read the bracket.
    return depth_ == 0 || EndValue(1);
  }
  bool EndValue(std::size_t unread = 0) {
    if (depth_ == 0) return Refuse(shape_ == Shape::kArray ? "expected an array" : "expected an object");
    if (depth_ != 1) return true;
    std::size_t begin = start_;
    while (IsSpace(text_[begin]) || text_[begin] == ':' || text_[begin] == ',') ++begin;
    std::size_t end = stream_.Tell() + unread;
    while (end > begin && (IsSpace(text_[end - 1]))) --end;
    members_.push_back(Member{key_, text_.substr(begin, end - begin)});
    start_ = end;
    return true;
  }

  Shape shape_;
  std::string_view text_;
  rapidjson::MemoryStream& stream_;
  const SplitOptions& options_;
  std::vector<Member> members_;
  std::unordered_set<std::string> index_;
  std::string key_;
  std::string problem_;
  std::size_t start_ = 0;
  std::size_t depth_ = 0;
};

// The careful way, which also says what is wrong.
Result<std::vector<Member>> Walk(Shape shape, std::string_view text, const SplitOptions& options) {
  // The parser would take it for the end.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return Invalid("", "not JSON at byte " + std::to_string(zero) + ": a zero byte");
  }
  rapidjson::MemoryStream stream(text.data(), text.size());
  Watcher watcher(shape, text, stream, options);
  rapidjson::Reader reader;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  const rapidjson::ParseResult outcome = reader.Parse<kFlags>(stream, watcher);
  if (outcome.IsError()) {
    const std::string reason =
        watcher.problem().empty() ? rapidjson::GetParseError_En(outcome.Code()) : watcher.problem();
    const std::string wanted = shape == Shape::kArray ? "not a JSON array" : "not a JSON object";
    return Invalid("", wanted + " at byte " + std::to_string(outcome.Offset()) + ": " + reason);
  }
  return watcher.Take();
}

// The quick scan's members of a text that it is sure of.
std::optional<std::vector<Member>> QuickMembers(std::string_view text, std::size_t depth_limit) {
  constexpr std::size_t kUsualMembers = 8;
  std::vector<Member> members;
  Scan scan(text);
  scan.Space();
  if (!scan.Take('{')) return std::nullopt;
  scan.Space();
  if (scan.Take('}')) return scan.AtEnd() ? std::optional(std::move(members)) : std::nullopt;
  members.reserve(kUsualMembers);
  do {
    scan.Space();
    const auto key = scan.Key();
    scan.Space();
    if (!key || key->escaped || members.size() == kFewMembers) return std::nullopt;
    const auto same = [&](const Member& member) { return member.key == key->inside; };
    if (std::any_of(members.begin(), members.end(), same)) return std::nullopt;
    const auto value = scan.Value(depth_limit);
    if (!value) return std::nullopt;
    members.push_back(Member{std::string(key->inside), *value});
    scan.Space();
  } while (scan.Take(','));
  if (!scan.Take('}') || !scan.AtEnd()) return std::nullopt;
  return members;
}

std::optional<std::vector<std::string_view>> QuickItems(std::string_view text, std::size_t depth_limit) {
  std::vector<std::string_view> items;
  Scan scan(text);
  scan.Space();
  if (!scan.Take('[')) return std::nullopt;
  scan.Space();
  if (scan.Take(']')) return scan.AtEnd() ? std::optional(std::move(items)) : std::nullopt;
  do {
    scan.Space();
    const auto value = scan.Value(depth_limit);
    if (!value) return std::nullopt;
    items.push_back(*value);
    scan.Space();
  } while (scan.Take(','));
  if (!scan.Take(']') || !scan.AtEnd()) return std::nullopt;
  return items;
}

// Of what is inside the outermost container.
std::size_t DepthInside(const SplitOptions& options) {
  return options.depth_limit - std::min<std::size_t>(options.depth_limit, 1);
}

Status CheckSize(std::string_view text, const SplitOptions& options) {
  if (text.size() <= options.size_limit_bytes) return Ok();
  return Fail(ErrorCode::kTooLarge, "JSON of " + std::to_string(text.size()) + " bytes; at most " +
                                        std::to_string(options.size_limit_bytes) + " are accepted");
}

}  // namespace

Result<std::vector<Member>> Split(std::string_view text, const SplitOptions& options) {
  ASYA_TRY_STATUS(CheckSize(text, options));
  if (auto quick = QuickMembers(text, DepthInside(options))) return std::move(*quick);
  return Walk(Shape::kObject, text, options);
}

Result<std::vector<std::string_view>> SplitArray(std::string_view text, const SplitOptions& options) {
  ASYA_TRY_STATUS(CheckSize(text, options));
  if (auto quick = QuickItems(text, DepthInside(options))) return std::move(*quick);
  ASYA_TRY(const auto members, Walk(Shape::kArray, text, options));
  std::vector<std::string_view> items;
  items.reserve(members.size());
  for (const Member& member : members) items.push_back(member.value);
  return items;
}

}  // namespace asya::json
