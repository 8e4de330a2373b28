#include "core/json/pointer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace asya::json {
namespace {

std::optional<std::size_t> Index(std::string_view token) {
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return std::nullopt;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
  return index;
}

Result<std::string> Unescape(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out += token[i];
      continue;
    }
    if (i + 1 == token.size() || (token[i + 1] != '0' && token[i + 1] != '1')) {
      return Invalid("", "in a JSON pointer '~' is followed by 0 or 1");
    }
    out += token[++i] == '0' ? '~' : '/';
  }
  return out;
}

const Value* Step(const Value& at, const std::string& token) {
  if (at.IsObject()) return at.Find(token);
  if (!at.IsArray()) return nullptr;
  const auto index = Index(token);
  return index && *index < at.AsArray().size() ? &at.AsArray()[*index] : nullptr;
}

}  // namespace

Result<Pointer> Pointer::Parse(std::string_view text) {
  Pointer pointer;
  if (text.empty()) return pointer;
  if (text[0] != '/') return Invalid("", "a JSON pointer is empty or begins with '/'");
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::size_t slash = text.find('/');
    ASYA_TRY(std::string token, Unescape(text.substr(0, slash)));
    pointer.tokens_.push_back(std::move(token));
    text = slash == std::string_view::npos ? std::string_view() : text.substr(slash);
  }
  return pointer;
}

const Value* Pointer::Find(const Value& root) const {
  const Value* at = &root;
  for (const std::string& token : tokens_) {
    at = Step(*at, token);
    if (at == nullptr) return nullptr;
  }
  return at;
}

Value* Pointer::Find(Value& root) const { return const_cast<Value*>(Find(std::as_const(root))); }

Value* Pointer::FindParent(Value& root) const {
  const Value* at = &root;
  for (std::size_t i = 0; i + 1 < tokens_.size() && at != nullptr; ++i) at = Step(*at, tokens_[i]);
  return const_cast<Value*>(at);
}

Status Pointer::Add(Value& root, Value value) const {
  if (tokens_.empty()) {
    root = std::move(value);
    return Ok();
  }
  Value* parent = FindParent(root);
  if (parent != nullptr && parent->IsObject()) {
    (*parent)[tokens_.back()] = std::move(value);
    return Ok();
  }
  if (parent == nullptr || !parent->IsArray()) return Fail(ErrorCode::kNotFound, "nothing holds " + Text());
  Array& array = parent->AsArray();
  const auto index = tokens_.back() == "-" ? std::optional(array.size()) : Index(tokens_.back());
  if (!index || *index > array.size()) return Fail(ErrorCode::kNotFound, Text() + " is outside its array");
  array.insert(array.begin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
  return Ok();
}

Status Pointer::Remove(Value& root) const {
  if (Find(root) == nullptr) return Fail(ErrorCode::kNotFound, "nothing is at " + Text());
  if (tokens_.empty()) {
    root = Value();
    return Ok();
  }
  Value* parent = FindParent(root);
  if (parent->IsObject()) {
    parent->AsObject().erase(tokens_.back());
  } else {
    parent->AsArray().erase(parent->AsArray().begin() + static_cast<std::ptrdiff_t>(*Index(tokens_.back())));
  }
  return Ok();
}

Status Pointer::Set(Value& root, Value value) const {
  Value* at = &root;
  for (const std::string& token : tokens_) {
    if (at->IsNull()) *at = Object{};
    if (!at->IsObject()) return Invalid(Text(), "something else than an object is in the way of " + Text());
    at = &(*at)[token];
  }
  *at = std::move(value);
  return Ok();
}

std::string EscapeToken(std::string_view token) {
  std::string text;
  for (const char c : token) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

bool Pointer::Encloses(const Pointer& other) const {
  return tokens_.size() < other.tokens_.size() && std::equal(tokens_.begin(), tokens_.end(), other.tokens_.begin());
}

std::string Pointer::Text() const {
  std::string text;
  for (const std::string& token : tokens_) {
    text += '/';
    text += EscapeToken(token);
  }
  return text;
}

}  // namespace asya::json
