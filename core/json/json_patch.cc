#include "core/json/json_patch.h"

#include <algorithm>
#include <array>
#include <utility>

namespace asya::json {
namespace {

using Kind = PatchOperation::Kind;
constexpr std::array<std::pair<const char*, Kind>, 6> kKinds{{{"add", Kind::kAdd},
                                                              {"remove", Kind::kRemove},
                                                              {"replace", Kind::kReplace},
                                                              {"move", Kind::kMove},
                                                              {"copy", Kind::kCopy},
                                                              {"test", Kind::kTest}}};

const char* NameOf(Kind kind) {
  for (const auto& [name, known] : kKinds) {
    if (known == kind) return name;
  }
  return "";
}

Result<Pointer> PointerMember(const Value& operation, const char* member, const std::string& where) {
  const auto text = operation.GetString(member);
  if (!text) return Invalid("", where + ": \"" + member + "\" must be a string");
  auto pointer = Pointer::Parse(*text);
  if (!pointer.ok()) return Invalid("", where + ": \"" + member + "\": " + pointer.error().message);
  return pointer;
}

Result<PatchOperation> ParseOperation(const Value& document, const std::string& where) {
  const auto name = document.GetString("op");
  if (!name) return Invalid("", where + ": \"op\" must be a string");
  PatchOperation operation;
  bool known = false;
  for (const auto& [text, kind] : kKinds) {
    if (*name != text) continue;
    operation.kind = kind;
    known = true;
  }
  if (!known) return Invalid("", where + ": \"" + *name + "\" is not add, remove, replace, move, copy or test");
  ASYA_TRY(operation.path, PointerMember(document, "path", where));
  if (operation.kind == Kind::kMove || operation.kind == Kind::kCopy) {
    ASYA_TRY(operation.from, PointerMember(document, "from", where));
  } else if (operation.kind != Kind::kRemove) {
    const Value* value = document.Find("value");
    if (value == nullptr) return Invalid("", where + ": \"value\" is missing");
    operation.value = *value;
  }
  return operation;
}

Error Failed(const PatchOperation& operation, std::size_t index, const std::string& why) {
  return Invalid("", "operation " + std::to_string(index) + " (" + NameOf(operation.kind) + " " +
                         operation.path.Text() + "): " + why);
}

bool DeeperThan(const Value& value, std::size_t levels) {
  if (!value.IsArray() && !value.IsObject()) return false;
  if (levels == 0) return true;
  if (value.IsArray()) {
    return std::any_of(value.AsArray().begin(), value.AsArray().end(),
                       [&](const Value& item) { return DeeperThan(item, levels - 1); });
  }
  return std::any_of(value.AsObject().begin(), value.AsObject().end(),
                     [&](const auto& member) { return DeeperThan(member.second, levels - 1); });
}

// Of all operations of a patch together.
struct Bounds {
  std::size_t depth_limit = 0;
  std::size_t copied_bytes = 0;
};

// Before it is put there: whatever walks over a value does so by recursion.
Status CheckDepth(const PatchOperation& operation, const Value& value, const Bounds& bounds) {
  const std::size_t above = operation.path.tokens().size();
  if (above <= bounds.depth_limit && !DeeperThan(value, bounds.depth_limit - above)) return Ok();
  return Invalid("", "nested deeper than " + std::to_string(bounds.depth_limit) + " levels");
}

Status Transfer(Value& target, const PatchOperation& operation, Bounds& bounds) {
  const Value* source = operation.from.Find(std::as_const(target));
  if (source == nullptr) return Fail(ErrorCode::kNotFound, "nothing is at " + operation.from.Text());
  Value value = *source;
  bounds.copied_bytes += Dump(value).size();
  if (bounds.copied_bytes > kPatchCopiedBytesLimit) {
    return Fail(ErrorCode::kTooLarge, "the patch copies and moves more than " +
                                          std::to_string(kPatchCopiedBytesLimit) + " bytes");
  }
  ASYA_TRY_STATUS(CheckDepth(operation, value, bounds));
  if (operation.kind == Kind::kMove) {
    if (operation.from.Encloses(operation.path)) return Invalid("", "a value cannot move into itself");
    ASYA_TRY_STATUS(operation.from.Remove(target));
  }
  return operation.path.Add(target, std::move(value));
}

Status Apply(Value& target, const PatchOperation& operation, Bounds& bounds) {
  switch (operation.kind) {
    case Kind::kAdd:
      ASYA_TRY_STATUS(CheckDepth(operation, operation.value, bounds));
      return operation.path.Add(target, operation.value);
    case Kind::kRemove:
      return operation.path.Remove(target);
    case Kind::kMove:
    case Kind::kCopy:
      return Transfer(target, operation, bounds);
    case Kind::kReplace:
    case Kind::kTest:
      break;
  }
  Value* place = operation.path.Find(target);
  if (place == nullptr) return Fail(ErrorCode::kNotFound, "nothing is there");
  if (operation.kind == Kind::kReplace) {
    ASYA_TRY_STATUS(CheckDepth(operation, operation.value, bounds));
    *place = operation.value;
  } else if (*place != operation.value) {
    return Invalid("", "the value there is another");
  }
  return Ok();
}

}  // namespace

Result<std::vector<PatchOperation>> ParseJsonPatch(const Value& document) {
  if (!document.IsArray()) return Invalid("", "a JSON patch is an array of operations");
  if (document.AsArray().size() > kPatchOperationsLimit) {
    return Fail(ErrorCode::kTooLarge, "a patch of " + std::to_string(document.AsArray().size()) +
                                          " operations; at most " + std::to_string(kPatchOperationsLimit) +
                                          " are accepted");
  }
  std::vector<PatchOperation> operations;
  for (const Value& item : document.AsArray()) {
    const std::string where = "operation " + std::to_string(operations.size());
    ASYA_TRY(PatchOperation operation, ParseOperation(item, where));
    operations.push_back(std::move(operation));
  }
  return operations;
}

Result<Value> ApplyJsonPatch(Value target, const std::vector<PatchOperation>& operations, std::size_t depth_limit) {
  Bounds bounds{depth_limit, 0};
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Status applied = Apply(target, operations[i], bounds);
    if (applied.ok()) continue;
    if (applied.error().code == ErrorCode::kTooLarge) return applied.error();
    return Failed(operations[i], i, applied.error().message);
  }
  return target;
}

}  // namespace asya::json
