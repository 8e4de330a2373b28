#include "core/json/parse.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "core/json/scan.h"

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

// Makes the value of a text that the quick scan is sure of; false, and all is given up, of any other.
class QuickBuilder {
 public:
  explicit QuickBuilder(std::string_view text) : scan_(text) {}

  bool Read(Value& out, std::size_t depth_left) {
    scan_.Space();
    switch (scan_.Peek()) {
      case '{':
        return depth_left > 0 && ReadObject(out, depth_left - 1);
      case '[':
        return depth_left > 0 && ReadArray(out, depth_left - 1);
      case '"': {
        const auto text = scan_.String();
        return text && Put(*text, out);
      }
      case 't':
        out = Value(true);
        return scan_.TakeWord("true");
      case 'f':
        out = Value(false);
        return scan_.TakeWord("false");
      case 'n':
        return scan_.TakeWord("null");
      default:
        return ReadNumber(out);
    }
  }
  bool AtEnd() { return scan_.AtEnd(); }

 private:
  static bool Put(const Scan::Text& text, Value& out) {
    if (text.escaped) return false;
    out = Value(text.inside);
    return true;
  }

  bool ReadNumber(Value& out) {
    const auto number = scan_.Number();
    if (!number) return false;
    const char* const end = number->data() + number->size();
    std::int64_t whole = 0;
    if (const auto read = std::from_chars(number->data(), end, whole); read.ec == std::errc() && read.ptr == end) {
      out = Value(whole);
      return true;
    }
    double value = 0;
    const auto read = std::from_chars(number->data(), end, value);
    out = Value(value);
    return read.ec == std::errc();
  }

  bool ReadObject(Value& out, std::size_t depth_left) {
    out = Value(Object{});
    Object& object = out.AsObject();
    scan_.Take('{');
    scan_.Space();
    if (scan_.Take('}')) return true;
    do {
      scan_.Space();
      const auto key = scan_.Key();
      if (!key || key->escaped) return false;
      const std::size_t before = object.size();
      // Keys that we wrote come sorted.
      const auto place = object.emplace_hint(object.end(), std::string(key->inside), Value());
      if (object.size() == before || !Read(place->second, depth_left)) return false;
      scan_.Space();
    } while (scan_.Take(','));
    return scan_.Take('}');
  }

  bool ReadArray(Value& out, std::size_t depth_left) {
    out = Value(Array{});
    Array& array = out.AsArray();
    scan_.Take('[');
    scan_.Space();
    if (scan_.Take(']')) return true;
    do {
      array.emplace_back();
      if (!Read(array.back(), depth_left)) return false;
      scan_.Space();
    } while (scan_.Take(','));
    return scan_.Take(']');
  }

  Scan scan_;
};

std::optional<Value> ParseQuickly(std::string_view text, const ParseOptions& options) {
  constexpr std::size_t kCallDepth = 32;  // it calls itself for what is nested
  QuickBuilder builder(text);
  Value value;
  if (!builder.Read(value, std::min(kCallDepth, options.depth_limit)) || !builder.AtEnd()) return std::nullopt;
  return value;
}

}  // namespace

Result<Value> Parse(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.size_limit_bytes) {
    return Fail(ErrorCode::kTooLarge, "JSON of " + std::to_string(text.size()) + " bytes; at most " +
                                          std::to_string(options.size_limit_bytes) + " are accepted");
  }
  if (auto quick = ParseQuickly(text, options)) return std::move(*quick);
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
