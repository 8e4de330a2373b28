#include "core/yaml/parse.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "core/yaml/scalar.h"

namespace asya::yaml {
namespace {

// Thrown and caught inside this file only: yaml-cpp has no other way to stop its parser.
struct Refusal {
  YAML::Mark mark;
  std::string words;
};

std::string Place(const YAML::Mark& mark) {
  return "line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1) + ": ";
}

// A list or map that is being read.
struct Frame {
  bool is_map = false;
  json::Array items;
  json::Object members;
  json::Array merged;  // values of `<<`
  std::optional<std::string> key;
  YAML::anchor_t anchor = 0;
  std::size_t weight_before = 0;
};

struct Anchored {
  json::Value value;
  std::size_t weight = 0;
};

class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(const ParseOptions& options) : options_(options) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    // The parser gives empty documents without end where it cannot go on.
    if (mark.pos <= document_begin_) throw Refusal{mark, "no document can begin here"};
    document_begin_ = mark.pos;
    frames_.clear();
    anchors_.clear();
    document_ = Document{json::Value(), mark.line + 1};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Weigh(mark, 1);
    RequireKey(mark, false);
    Finish(mark, json::Value(), anchor, 1);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refusal{mark, "an alias must not stand inside the value that it repeats"};
    Weigh(mark, found->second.weight);
    RequireKey(mark, false);
    Put(mark, found->second.value);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const std::size_t weight = 1 + text.size() / kBytesPerWeight;
    Weigh(mark, weight);
    if (AwaitsKey()) return TakeKey(mark, text, tag);
    Finish(mark, Resolve(mark, tag, text), anchor, weight);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, false);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    Open(mark, tag, anchor, true);
  }
  void OnMapEnd() override { Close(); }

  [[nodiscard]] const Document& document() const { return document_; }

 private:
  static constexpr std::size_t kBytesPerWeight = 64;

  [[nodiscard]] bool AwaitsKey() const { return !frames_.empty() && frames_.back().is_map && !frames_.back().key; }

  // A value has come: refuse it where a key has to stand.
  void RequireKey(const YAML::Mark& mark, bool allowed) const {
    if (AwaitsKey() && !allowed) throw Refusal{mark, "a key must be a string"};
  }

  void Weigh(const YAML::Mark& mark, std::size_t weight) {
    weight_ += weight;
    if (weight_ > options_.weight_limit) throw Refusal{mark, "too large once aliases are followed"};
  }

  void TakeKey(const YAML::Mark& mark, const std::string& text, const std::string& tag) {
    Frame& frame = frames_.back();
    if (!(text == "<<" && tag == "?") && frame.members.contains(text)) {
      throw Refusal{mark, "the key " + json::Quote(text.substr(0, kShownKeyBytes)) + " is there twice"};
    }
    frame.key = text;
    merging_ = text == "<<" && tag == "?";
  }

  static json::Value Resolve(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    if (tag == "!") return text;
    const bool plain = tag.empty() || tag == "?";
    auto value = plain ? ResolvePlain(text) : ResolveTagged(tag, text);
    if (value) return std::move(*value);
    if (plain) throw Refusal{mark, "infinities and NaN cannot be used: JSON has no such numbers"};
    throw Refusal{mark,
                  "the value does not fit its tag, or the tag is none of !!str, !!int, !!float, !!bool and !!null"};
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bool is_map) {
    const char* own = is_map ? "tag:yaml.org,2002:map" : "tag:yaml.org,2002:seq";
    if (!tag.empty() && tag != "?" && tag != "!" && tag != own)
      throw Refusal{mark, "a list or map cannot have this tag"};
    RequireKey(mark, false);
    if (frames_.size() >= options_.depth_limit) {
      throw Refusal{mark, "nested deeper than " + std::to_string(options_.depth_limit) + " levels"};
    }
    Frame frame;
    frame.is_map = is_map;
    frame.anchor = anchor;
    frame.weight_before = weight_;
    mark_ = mark;
    Weigh(mark, 1);
    merges_.push_back(merging_);
    merging_ = false;
    frames_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    merging_ = merges_.back();
    merges_.pop_back();
    json::Value value;
    if (frame.is_map) {
      for (const json::Value& merged : frame.merged) Merge(merged, frame.members);
      value = std::move(frame.members);
    } else {
      value = std::move(frame.items);
    }
    Finish(mark_, std::move(value), frame.anchor, weight_ - frame.weight_before);
  }

  // The map's own keys win, then the earlier one of several merged maps.
  void Merge(const json::Value& merged, json::Object& members) const {
    if (merged.IsArray()) {
      for (const json::Value& item : merged.AsArray()) {
        if (!item.IsObject()) throw Refusal{mark_, "<< merges a map or a list of maps"};
        members.insert(item.AsObject().begin(), item.AsObject().end());
      }
      return;
    }
    if (!merged.IsObject()) throw Refusal{mark_, "<< merges a map or a list of maps"};
    members.insert(merged.AsObject().begin(), merged.AsObject().end());
  }

  void Finish(const YAML::Mark& mark, json::Value value, YAML::anchor_t anchor, std::size_t weight) {
    if (anchor != YAML::NullAnchor) {
      // A copy is kept for the aliases to come: it counts, so that nested anchors cannot multiply the text.
      Weigh(mark, weight);
      anchors_[anchor] = Anchored{value, weight};
    }
    Put(mark, std::move(value));
  }

  void Put(const YAML::Mark& mark, json::Value value) {
    if (frames_.empty()) {
      document_.value = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    if (!frame.is_map) {
      frame.items.push_back(std::move(value));
      return;
    }
    if (!frame.key) throw Refusal{mark, "a key must be a string"};
    if (merging_) {
      frame.merged.push_back(std::move(value));
      merging_ = false;
    } else {
      frame.members[*frame.key] = std::move(value);
    }
    frame.key.reset();
  }

  static constexpr std::size_t kShownKeyBytes = 80;

  const ParseOptions& options_;
  Document document_;
  int document_begin_ = -1;  // in bytes
  std::vector<Frame> frames_;
  std::vector<bool> merges_;  // merging_ of the frames around
  bool merging_ = false;      // the key that waits for its value is `<<`
  std::map<YAML::anchor_t, Anchored> anchors_;
  std::size_t weight_ = 0;
  YAML::Mark mark_ = YAML::Mark::null_mark();
};

Result<std::vector<Document>> Read(std::string_view text, const ParseOptions& options) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  Builder builder(options);
  std::vector<Document> documents;
  while (parser.HandleNextDocument(builder)) {
    if (builder.document().value.IsNull()) continue;
    if (documents.size() == options.document_limit) {
      return Invalid("", "more than " + std::to_string(options.document_limit) + " documents");
    }
    documents.push_back(builder.document());
  }
  return documents;
}

Error BadByte(std::string_view text, std::size_t offset) {
  const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n') + 1;
  const std::size_t start = text.rfind('\n', offset);
  const std::size_t column = start == std::string_view::npos ? offset + 1 : std::max<std::size_t>(offset - start, 1);
  return Invalid("", "line " + std::to_string(line) + ", column " + std::to_string(column) + ": not UTF-8 text");
}

}  // namespace

Result<std::vector<Document>> ParseAll(std::string_view text, const ParseOptions& options) {
  if (text.size() > options.size_limit_bytes) {
    return Error{ErrorCode::kTooLarge,
                 "YAML of " + std::to_string(text.size()) + " bytes: at most " +
                     std::to_string(options.size_limit_bytes) + " are read",
                 {}};
  }
  if (const auto offset = FindBadByte(text)) return BadByte(text, *offset);
  try {
    return Read(text, options);
  } catch (const Refusal& refusal) {
    return Invalid("", Place(refusal.mark) + refusal.words);
  } catch (const YAML::Exception& error) {
    return Invalid("", Place(error.mark) + error.msg);
  } catch (const std::exception& error) {
    return Invalid("", std::string("not readable as YAML: ") + error.what());
  }
}

Result<json::Value> Parse(std::string_view text, const ParseOptions& options) {
  ASYA_TRY(auto documents, ParseAll(text, options));
  if (documents.empty()) return Invalid("", "there is no document in the text");
  if (documents.size() > 1) {
    return Invalid("", "line " + std::to_string(documents[1].line) + ": a second document, where one is expected");
  }
  return std::move(documents.front().value);
}

}  // namespace asya::yaml
