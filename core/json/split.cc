#include "core/json/split.h"

// RapidJSON's own scan of strings by 16 bytes, for this file alone: a namespace of its own keeps these templates apart
// from those of the other files.
#ifdef __SSE2__
#define RAPIDJSON_SSE2
#endif
#define RAPIDJSON_NAMESPACE rapidjson_split
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

namespace rapidjson_split {

// The reader would work on a copy of the stream, and the position be known only between two calls of the handler.
template <>
struct StreamTraits<InsituStringStream> {
  enum { copyOptimization = 0 };
};

}  // namespace rapidjson_split

namespace rapidjson = rapidjson_split;

namespace asya::json {
namespace {

// The scan reads whole blocks, so it may look this far past the end.
constexpr std::size_t kPaddingBytes = 32;
constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kFewMembers = 16;

struct NoOutput {
  void Put(char) {}
};

bool IsUtf8(std::string_view text) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  NoOutput none;
  while (stream.Tell() < text.size()) {
    if (!rapidjson::UTF8<>::Validate(stream, none)) return false;
  }
  return true;
}

// True when the quick scan says the same of a text as the careful one. It takes a zero byte for the end, lets the
// control characters from 0x1a on pass in strings, and does not look at UTF-8.
bool IsPlain(std::string_view text) {
  std::size_t first_high = text.size();
  for (std::size_t at = 0; at < text.size(); at += kBlockBytes) {
    unsigned char block[kBlockBytes];
    const std::size_t size = std::min(kBlockBytes, text.size() - at);
    if (size < kBlockBytes) std::memset(block, ' ', kBlockBytes);
    std::memcpy(block, text.data() + at, size);
    unsigned char odd = 0;
    unsigned char high = 0;
    for (const unsigned char byte : block) {  // a fixed number of steps, so that it is compiled to vectors
      odd |= static_cast<unsigned char>((byte == 0) | (static_cast<unsigned char>(byte - 0x1a) < 6));
      high |= byte;
    }
    if (odd != 0) return false;
    if (high >= 0x80 && first_high == text.size()) first_high = at;
  }
  // What is before is ASCII, so no character is cut here.
  return IsUtf8(text.substr(first_high));
}

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

enum class Shape { kObject, kArray };

// Watches the parser's position at the events of depth one.
template <class Stream>
class Watcher : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Watcher<Stream>> {
 public:
  Watcher(Shape shape, std::string_view text, Stream& stream, const SplitOptions& options)
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
  Stream& stream_;
  const SplitOptions& options_;
  std::vector<Member> members_;
  std::unordered_set<std::string> index_;
  std::string key_;
  std::string problem_;
  std::size_t start_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace

namespace {

template <unsigned kFlags, class Stream>
Result<std::vector<Member>> Read(Shape shape, std::string_view text, Stream& stream, const SplitOptions& options) {
  Watcher<Stream> watcher(shape, text, stream, options);
  rapidjson::Reader reader;
  const rapidjson::ParseResult outcome = reader.Parse<kFlags | rapidjson::kParseIterativeFlag>(stream, watcher);
  if (outcome.IsError()) {
    const std::string reason =
        watcher.problem().empty() ? rapidjson::GetParseError_En(outcome.Code()) : watcher.problem();
    const std::string wanted = shape == Shape::kArray ? "not a JSON array" : "not a JSON object";
    return Invalid("", wanted + " at byte " + std::to_string(outcome.Offset()) + ": " + reason);
  }
  return watcher.Take();
}

Result<std::vector<Member>> Walk(Shape shape, std::string_view text, const SplitOptions& options) {
  if (text.size() > options.size_limit_bytes) {
    return Fail(ErrorCode::kTooLarge, "JSON of " + std::to_string(text.size()) + " bytes; at most " +
                                          std::to_string(options.size_limit_bytes) + " are accepted");
  }
  if (IsPlain(text)) {
    // The quick scan writes the unescaped strings over their text, so it gets a copy; the positions are the same.
    std::string copy;
    copy.reserve(text.size() + kPaddingBytes);
    copy.append(text).append(kPaddingBytes, '\0');
    rapidjson::InsituStringStream stream(copy.data());
    return Read<rapidjson::kParseInsituFlag>(shape, text, stream, options);
  }
  // The parser would take it for the end.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return Invalid("", "not JSON at byte " + std::to_string(zero) + ": a zero byte");
  }
  rapidjson::MemoryStream stream(text.data(), text.size());
  return Read<rapidjson::kParseValidateEncodingFlag>(shape, text, stream, options);
}

}  // namespace

Result<std::vector<Member>> Split(std::string_view text, const SplitOptions& options) {
  return Walk(Shape::kObject, text, options);
}

Result<std::vector<std::string_view>> SplitArray(std::string_view text, const SplitOptions& options) {
  ASYA_TRY(const auto members, Walk(Shape::kArray, text, options));
  std::vector<std::string_view> items;
  items.reserve(members.size());
  for (const Member& member : members) items.push_back(member.value);
  return items;
}

}  // namespace asya::json
