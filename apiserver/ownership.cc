#include "apiserver/ownership.h"

#include <chrono>
#include <map>
#include <utility>

#include "apiserver/object.h"
#include "core/base/utf8.h"

namespace asya::apiserver {
namespace {

constexpr const char* kManagedFields = "managedFields";

// Of a user agent such as "kubectl/v1.35.0 (linux/amd64) kubernetes/…".
std::string ProductOf(const std::string& user_agent) {
  std::string product;
  for (const char c : user_agent.substr(0, user_agent.find('/'))) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F && product.size() < kFieldManagerLimitBytes) product += c;
  }
  // The limit may have cut a character.
  while (!IsUtf8(product)) product.pop_back();
  return product;
}

bool IsReset(const json::Value& sent) {
  if (!sent.IsArray()) return false;
  const json::Array& entries = sent.AsArray();
  return entries.empty() || (entries.size() == 1 && entries[0].IsObject() && entries[0].AsObject().empty());
}

model::Managers Decoded(const json::Value& entries) {
  auto managers = model::DecodeManagers(entries);
  return managers.ok() ? std::move(*managers) : model::Managers();
}

model::Managers ManagersBefore(const Before& before, const json::Value& sent, bool part) {
  if (!part) {
    if (IsReset(sent)) return {};
    model::Managers given = Decoded(sent);
    if (!given.empty()) return given;
  }
  return Decoded(before.managed_fields);
}

json::Value WithoutTimes(json::Value object) {
  json::Value* entries = MetadataOf(object).Find(kManagedFields);
  if (entries == nullptr || !entries->IsArray()) return object;
  for (json::Value& entry : entries->AsArray()) {
    if (entry.IsObject()) entry.AsObject().erase("time");
  }
  return object;
}

std::string Describe(const model::Manager& manager, const std::string& shown_version) {
  std::string text = json::Quote(manager.name);
  if (!manager.subresource.empty()) text += " with subresource " + json::Quote(manager.subresource);
  if (manager.operation == model::Operation::kUpdate) text += " using " + shown_version;
  return text;
}

}  // namespace

json::Value TakeManagedFields(json::Value& object) {
  json::Value* metadata = object.Find("metadata");
  json::Value* found = metadata == nullptr ? nullptr : metadata->Find(kManagedFields);
  if (found == nullptr) return {};
  json::Value taken = std::move(*found);
  metadata->AsObject().erase(kManagedFields);
  return taken;
}

void PutManagedFields(const model::Managers& managers, json::Value& object) {
  json::Value& metadata = MetadataOf(object);
  metadata.AsObject().erase(kManagedFields);
  if (!managers.empty()) metadata[kManagedFields] = model::EncodeManagers(managers);
}

model::FieldWriter WriterOf(const Context& context, const Call& call, const WriteOptions& options) {
  std::string manager = options.field_manager;
  if (manager.empty()) manager = ProductOf(call.request.headers.Get("User-Agent").value_or(""));
  // Whole seconds, as they are stored.
  return {std::move(manager), call.resource->ApiVersion(), call.info.subresource,
          std::chrono::floor<std::chrono::seconds>(context.clock.Now())};
}

void TrackOwners(const Call& call, const model::FieldWriter& writer, const Before& before, const json::Value& sent,
                 json::Value& object) {
  const bool creates = before.object.IsNull();
  model::Managers managers = ManagersBefore(before, sent, !call.info.subresource.empty());
  // Who owns nothing anywhere is not tracked until the first apply.
  if (creates || !managers.empty()) {
    model::TrackUpdate(call.resource->kind.schema, before.object, object, writer, managers);
  }
  PutManagedFields(managers, object);
}

bool SameButForTimes(const json::Value& a, const json::Value& b) { return WithoutTimes(a) == WithoutTimes(b); }

StatusError ApplyConflict(const std::vector<model::FieldConflict>& conflicts, const std::string& shown_version) {
  StatusError error;
  error.code = 409;
  error.reason = "Conflict";
  std::string message;
  const model::Manager* last = nullptr;
  for (const model::FieldConflict& conflict : conflicts) {
    const std::string manager = Describe(conflict.manager, shown_version);
    const std::string path = model::DescribePath(conflict.path);
    error.causes.push_back({path, "FieldManagerConflict", "conflict with " + manager});
    if (conflicts.size() == 1) {
      error.message = "Apply failed with 1 conflict: conflict with " + manager + ": " + path;
      return error;
    }
    // They come manager by manager.
    if (last == nullptr || *last != conflict.manager) {
      message += (message.empty() ? "conflicts with " : "\nconflicts with ") + manager + ":";
    }
    last = &conflict.manager;
    message += "\n- " + path;
  }
  error.message = "Apply failed with " + std::to_string(conflicts.size()) + " conflicts: " + message;
  return error;
}

}  // namespace asya::apiserver
