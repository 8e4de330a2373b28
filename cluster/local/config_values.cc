#include "cluster/local/config_values.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

namespace asya::cluster::local {
namespace {

namespace fs = std::filesystem;
using Kind = ConfigReference::Kind;

const char* WordOf(Kind kind) { return kind == Kind::kSecret ? "secret" : "config map"; }

std::string FolderOf(const ConfigReference& reference, const ConfigSources& sources) {
  return sources.folder + (reference.kind == Kind::kSecret ? "/secrets/" : "/configmaps/") + reference.object;
}

// Names become parts of paths.
bool IsPlain(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

Result<std::string> ReadValue(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return Fail(ErrorCode::kUnavailable, "cannot read " + path + ": " + error.message());
  if (size > kConfigValueLimitBytes) {
    return Invalid("", path + " has " + std::to_string(size) + " bytes; at most " +
                           std::to_string(kConfigValueLimitBytes) + " are accepted");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrorCode::kUnavailable, "cannot read " + path);
  std::string value{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!value.empty() && value.back() == '\n') value.pop_back();
  if (value.find('\0') != std::string::npos) {
    return Invalid("", path + " holds a zero byte, which no environment variable can");
  }
  return value;
}

Result<std::optional<std::string>> OneKey(const ConfigReference& reference, const ConfigSources& sources) {
  const std::string path = FolderOf(reference, sources) + "/" + reference.key;
  std::error_code ignored;
  if (IsPlain(reference.object) && IsPlain(reference.key) && fs::is_regular_file(path, ignored)) {
    ASYA_TRY(std::string value, ReadValue(path));
    return std::optional(std::move(value));
  }
  const auto own = sources.own.find(reference.variable);
  if (own != sources.own.end()) return std::optional(own->second);
  if (reference.optional) return std::optional<std::string>();
  return Fail(ErrorCode::kNotFound, std::string(WordOf(reference.kind)) + " \"" + reference.object +
                                        "\" has no key \"" + reference.key + "\" on this machine: write it to " + path +
                                        ", or set " + reference.variable + " where asya up is run");
}

Status AllKeys(const ConfigReference& reference, const ConfigSources& sources, Variables& found) {
  const std::string folder = FolderOf(reference, sources);
  std::error_code error;
  if (!IsPlain(reference.object) || !fs::is_directory(folder, error)) {
    if (reference.optional) return Ok();
    return Fail(ErrorCode::kNotFound, std::string("there is no ") + WordOf(reference.kind) + " \"" + reference.object +
                                          "\" on this machine: write each of its keys to a file in " + folder);
  }
  std::size_t keys = 0;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!entry.is_regular_file(error)) continue;
    if (++keys > kConfigKeysMax) {
      return Invalid("", folder + " has more than " + std::to_string(kConfigKeysMax) + " files");
    }
    ASYA_TRY(found[reference.prefix + entry.path().filename().string()], ReadValue(entry.path().string()));
  }
  if (error) return Fail(ErrorCode::kUnavailable, "cannot read " + folder + ": " + error.message());
  return Ok();
}

void AddAll(const json::Value& container, const char* member, Kind kind, std::vector<ConfigReference>& references) {
  const json::Value* sources = container.Find("envFrom");
  if (sources == nullptr || !sources->IsArray()) return;
  for (const auto& source : sources->AsArray()) {
    const json::Value* object = source.Find(member);
    if (object == nullptr) continue;
    references.push_back({kind, object->GetString("name").value_or(""), "", "", source.GetString("prefix").value_or(""),
                          object->GetBool("optional").value_or(false)});
  }
}

}  // namespace

std::vector<ConfigReference> ReferencesOf(const json::Value& container) {
  std::vector<ConfigReference> references;
  AddAll(container, "configMapRef", Kind::kConfigMap, references);
  AddAll(container, "secretRef", Kind::kSecret, references);
  const json::Value* entries = container.Find("env");
  if (entries == nullptr || !entries->IsArray()) return references;
  for (const auto& entry : entries->AsArray()) {
    for (const auto& [member, kind] :
         {std::pair("configMapKeyRef", Kind::kConfigMap), std::pair("secretKeyRef", Kind::kSecret)}) {
      const json::Value* source = entry.FindPath({"valueFrom", member});
      if (source == nullptr) continue;
      references.push_back({kind, source->GetString("name").value_or(""), source->GetString("key").value_or(""),
                            entry.GetString("name").value_or(""), "", source->GetBool("optional").value_or(false)});
    }
  }
  return references;
}

Result<Variables> ReadReferences(const std::vector<ConfigReference>& references, const ConfigSources& sources) {
  Variables found;
  for (const ConfigReference& reference : references) {
    if (reference.key.empty()) {
      ASYA_TRY_STATUS(AllKeys(reference, sources, found));
      continue;
    }
    ASYA_TRY(const auto value, OneKey(reference, sources));
    if (value) found[reference.variable] = *value;
  }
  return found;
}

}  // namespace asya::cluster::local
