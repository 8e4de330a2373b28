// Pod: the lists of a pod as they came, and the operations by which they are changed.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::webhooks {

class Pod {
 public:
  // kInvalid where the outside has sent something that is no pod. `object` lives longer.
  static Result<Pod> Read(const json::Value& object);

  [[nodiscard]] const json::Value& object() const { return *object_; }
  [[nodiscard]] const json::Value& spec() const { return *object_->Find("spec"); }
  // A list of the spec as it came; empty where it is missing.
  [[nodiscard]] const json::Array& List(std::string_view name) const;

  // Changes of what came. A place is named by the index that it came with.
  void ReplaceAt(const std::string& list, std::size_t index, json::Value value);
  void Append(const std::string& list, json::Value value);
  void Prepend(const std::string& list, json::Value value);
  void SetInSpec(const std::string& field, json::Value value);
  void Annotate(const std::string& name, const std::string& value);
  [[nodiscard]] json::Array TakeOperations() { return std::move(operations_); }

 private:
  explicit Pod(const json::Value& object) : object_(&object) {}
  void Add(const char* operation, std::string path, json::Value value);
  // Makes the list where it is missing; false where `value` went into it thereby.
  bool MakeList(const std::string& list, json::Value& value);

  const json::Value* object_;
  std::map<std::string, bool, std::less<>> made_;  // lists and maps that came without and are there by now
  json::Array operations_;
};

}  // namespace asya::webhooks
