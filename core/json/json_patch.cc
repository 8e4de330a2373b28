#include "core/json/json_patch.h"

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

Status Transfer(Value& target, const PatchOperation& operation, std::size_t& copied_bytes) {
  const Value* source = operation.from.Find(std::as_const(target));
  if (source == nullptr) return Fail(ErrorCode::kNotFound, "nothing is at " + operation.from.Text());
  Value value = *source;
  if (operation.kind == Kind::kMove) {
    if (operation.from.Encloses(operation.path)) return Invalid("", "a value cannot move into itself");
    ASYA_TRY_STATUS(operation.from.Remove(target));
  } else {
    copied_bytes += Dump(value).size();
    if (copied_bytes > kPatchCopiedBytesLimit) return Fail(ErrorCode::kTooLarge, "the patch copies too much");
  }
  return operation.path.Add(target, std::move(value));
}

Status Apply(Value& target, const PatchOperation& operation, std::size_t& copied_bytes) {
  switch (operation.kind) {
    case Kind::kAdd:
      return operation.path.Add(target, operation.value);
    case Kind::kRemove:
      return operation.path.Remove(target);
    case Kind::kMove:
    case Kind::kCopy:
      return Transfer(target, operation, copied_bytes);
    case Kind::kReplace:
    case Kind::kTest:
      break;
  }
  Value* place = operation.path.Find(target);
  if (place == nullptr) return Fail(ErrorCode::kNotFound, "nothing is there");
  if (operation.kind == Kind::kReplace) {
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

Result<Value> ApplyJsonPatch(Value target, const std::vector<PatchOperation>& operations) {
  std::size_t copied_bytes = 0;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Status applied = Apply(target, operations[i], copied_bytes);
    if (applied.ok()) continue;
    if (applied.error().code == ErrorCode::kTooLarge) return applied.error();
    return Failed(operations[i], i, applied.error().message);
  }
  return target;
}

}  // namespace asya::json
