// Pointer: JSON Pointers (RFC 6901), to read, set and remove one place of a value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::json {

// A name as it stands in a pointer: ~0 for '~', ~1 for '/'.
std::string EscapeToken(std::string_view token);

class Pointer {
 public:
  // "" is the whole value; else "/a/0/b" with ~0 for '~' and ~1 for '/'. kInvalid for anything else.
  static Result<Pointer> Parse(std::string_view text);

  // nullptr where the path ends early. Array indexes are decimal without leading zeros.
  [[nodiscard]] const Value* Find(const Value& root) const;
  [[nodiscard]] Value* Find(Value& root) const;

  // RFC 6902 "add": sets a member, inserts into an array ("-" appends). The parent must exist: kNotFound.
  [[nodiscard]] Status Add(Value& root, Value value) const;
  // kNotFound where nothing is there. The whole value becomes null.
  [[nodiscard]] Status Remove(Value& root) const;
  // Sets the place and makes the objects that lead to it; kInvalid where something else than an object is in the way.
  [[nodiscard]] Status Set(Value& root, Value value) const;

  [[nodiscard]] const std::vector<std::string>& tokens() const { return tokens_; }
  // Whether this is a proper parent of `other`.
  [[nodiscard]] bool Encloses(const Pointer& other) const;
  [[nodiscard]] std::string Text() const;

 private:
  Value* FindParent(Value& root) const;
  std::vector<std::string> tokens_;
};

}  // namespace asya::json
