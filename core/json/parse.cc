#include "core/json/parse.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace asya::json {
namespace {

// Builds a Value from parser events with a stack of its own, so that deep input costs no call stack.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
 public:
  explicit Builder(const ParseOptions& options) : options_(options) {}

  bool Null() { return Put(Value()); }
  bool Bool(bool value) { return Put(Value(value)); }
  // RapidJSON's own numbers are not the nearest ones, so that one would change by a little each time it is read and
  // written again; its exact form shifts by an undefined count at some zeros.
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    const char* const end = text + size;
    std::int64_t whole = 0;
    if (const auto read = std::from_chars(text, end, whole); read.ec == std::errc() && read.ptr == end) {
      return Put(Value(whole));
    }
    double value = 0;
    if (std::from_chars(text, end, value).ec == std::errc::result_out_of_range) {
      value = std::strtod(std::string(text, size).c_str(), nullptr);  // too small is 0 or nearly, too large infinite
      if (std::isinf(value)) return Refuse("a number that is too large");
    }
    return Put(Value(value));
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return Check({text, size}) && Put(Value(std::string(text, size)));
  }
  bool StartObject() { return Open(Value(Object{})); }
  bool StartArray() { return Open(Value(Array{})); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    stack_.back().key.assign(text, size);
    return Check(stack_.back().key);
  }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool EndArray(rapidjson::SizeType) { return Close(); }

  [[nodiscard]] const std::string& problem() const { return problem_; }
  Value Take() { return std::move(root_); }

 private:
  struct Frame {
    Value value;
    std::string key;
  };

  bool Refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  // The second half of a surrogate pair, escaped and without the first, would become text that is not UTF-8.
  bool Check(std::string_view text) {
    constexpr char kLead = '\xed';
    for (auto at = text.find(kLead); at != std::string_view::npos; at = text.find(kLead, at + 1)) {
      if (static_cast<unsigned char>(text[at + 1]) >= 0xa0) return Refuse("a lone surrogate");
    }
    return true;
  }

  bool Open(Value value) {
    if (stack_.size() >= options_.depth_limit) {
      return Refuse("nested deeper than " + std::to_string(options_.depth_limit) + " levels");
    }
    stack_.push_back(Frame{std::move(value), {}});
    return true;
  }

  bool Close() {
    Value value = std::move(stack_.back().value);
    stack_.pop_back();
    return Put(std::move(value));
  }

  bool Put(Value value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Frame& top = stack_.back();
    if (top.value.IsArray()) {
      top.value.AsArray().push_back(std::move(value));
      return true;
    }
    auto [place, inserted] = top.value.AsObject().insert_or_assign(std::move(top.key), std::move(value));
    return inserted || Repeated(place->first);
  }

  bool Repeated(const std::string& key) {
    std::string path;
    for (std::size_t i = 0; i + 1 < stack_.size(); ++i) {
      if (stack_[i].value.IsArray()) {
        path += "[" + std::to_string(stack_[i].value.AsArray().size()) + "]";
      } else {
        path += (path.empty() ? "" : ".") + stack_[i].key;
      }
    }
    path += (path.empty() ? "" : ".") + key;
    if (options_.duplicate_paths != nullptr) {
      options_.duplicate_paths->push_back(path);
      return true;
    }
    return Refuse("duplicate field \"" + path + "\"");
  }

  const ParseOptions& options_;
  std::vector<Frame> stack_;
  Value root_;
  std::string problem_;
};

}  // namespace

Result<Value> Parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.size_limit_bytes) {
    return Fail(ErrorCode::kTooLarge, "JSON of " + std::to_string(text.size()) + " bytes; at most " +
                                          std::to_string(options.size_limit_bytes) + " are accepted");
  }
  // The parser would take it for the end.
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return Invalid("", "not JSON at byte " + std::to_string(zero) + ": a zero byte");
  }
  Builder builder(options);
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  constexpr unsigned kFlags =
      rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag | rapidjson::kParseNumbersAsStringsFlag;
  const rapidjson::ParseResult outcome = reader.Parse<kFlags>(stream, builder);
  if (outcome.IsError()) {
    const std::string reason =
        builder.problem().empty() ? rapidjson::GetParseError_En(outcome.Code()) : builder.problem();
    return Invalid("", "not JSON at byte " + std::to_string(outcome.Offset()) + ": " + reason);
  }
  return builder.Take();
}

}  // namespace asya::json
