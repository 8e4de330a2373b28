#include "core/json/parse.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <limits>
#include <utility>

namespace asya::json {
namespace {

// Builds a Value from parser events with a stack of its own, so that deep input costs no call stack.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
 public:
  explicit Builder(const ParseOptions& options) : options_(options) {}

  bool Null() { return Put(Value()); }
  bool Bool(bool value) { return Put(Value(value)); }
  bool Int(int value) { return Put(Value(std::int64_t{value})); }
  bool Uint(unsigned value) { return Put(Value(static_cast<std::int64_t>(value))); }
  bool Int64(std::int64_t value) { return Put(Value(value)); }
  bool Uint64(std::uint64_t value) {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return Put(Value(static_cast<std::int64_t>(value)));
    }
    return Put(Value(static_cast<double>(value)));
  }
  bool Double(double value) { return Put(Value(value)); }
  bool String(const char* text, rapidjson::SizeType size, bool) { return Put(Value(std::string(text, size))); }
  bool StartObject() { return Open(Value(Object{})); }
  bool StartArray() { return Open(Value(Array{})); }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    stack_.back().key.assign(text, size);
    return true;
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

  bool Open(Value value) {
    if (stack_.size() >= options_.depth_limit) {
      problem_ = "nested deeper than " + std::to_string(options_.depth_limit) + " levels";
      return false;
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
    problem_ = "duplicate field \"" + path + "\"";
    return false;
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
  // Full precision, or a number would change by a little each time it is read and written again.
  constexpr unsigned kFlags =
      rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag | rapidjson::kParseFullPrecisionFlag;
  const rapidjson::ParseResult outcome = reader.Parse<kFlags>(stream, builder);
  if (outcome.IsError()) {
    const std::string reason =
        builder.problem().empty() ? rapidjson::GetParseError_En(outcome.Code()) : builder.problem();
    return Invalid("", "not JSON at byte " + std::to_string(outcome.Offset()) + ": " + reason);
  }
  return builder.Take();
}

}  // namespace asya::json
