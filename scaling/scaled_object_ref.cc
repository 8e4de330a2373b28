#include "scaling/scaled_object_ref.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace asya::scaling {
namespace {

constexpr const char* kActor = "actor";
constexpr const char* kNamespace = "namespace";
constexpr const char* kAccepted = "actor, namespace, queue";
constexpr std::array<std::string_view, 3> kOurs = {kActor, kNamespace, "queue"};
// By which KEDA finds and believes us; it passes them on.
constexpr std::array<std::string_view, 3> kKedas = {"scalerAddress", "enableTLS", "unsafeSsl"};
constexpr std::size_t kShownBytesMax = 100;

std::string Quoted(const std::string& text) { return "\"" + text.substr(0, kShownBytesMax) + "\""; }

std::string Field(const std::string& key) { return "scalerMetadata." + key.substr(0, kShownBytesMax); }

std::string Text(const ScaledObjectRef& ref, const char* key) {
  const auto found = ref.metadata.find(key);
  return found == ref.metadata.end() ? "" : found->second;
}

}  // namespace

Result<ActorKey> ActorOf(const ScaledObjectRef& ref) {
  if (ref.namespace_.empty()) return Invalid("namespace", "is missing");
  if (ref.metadata.size() > kMetadataEntriesMax) {
    return Invalid("scalerMetadata", "has " + std::to_string(ref.metadata.size()) + " keys; at most " +
                                         std::to_string(kMetadataEntriesMax) + " are accepted");
  }
  for (const auto& [key, value] : ref.metadata) {
    const bool known = std::ranges::find(kOurs, key) != kOurs.end() || std::ranges::find(kKedas, key) != kKedas.end();
    if (!known) return Invalid(Field(key), "is not known; accepted are " + std::string(kAccepted));
    if (value.size() > kMetadataValueBytesMax) {
      return Invalid(Field(key), "has " + std::to_string(value.size()) + " bytes; at most " +
                                     std::to_string(kMetadataValueBytesMax) + " are accepted");
    }
  }
  const std::string actor = Text(ref, kActor);
  if (actor.empty()) return Invalid(Field(kActor), "is missing: the name of an AsyncActor");
  const std::string named = Text(ref, kNamespace);
  if (!named.empty() && named != ref.namespace_) {
    return Invalid(Field(kNamespace), "got " + Quoted(named) + "; the ScaledObject is in " + Quoted(ref.namespace_) +
                                          ", and asks for actors of its own namespace only");
  }
  return ActorKey{ref.namespace_, actor};
}

}  // namespace asya::scaling
