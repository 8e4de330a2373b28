#include <algorithm>
#include <array>
#include <string_view>

#include "model/path.h"
#include "model/validate/causes.h"
#include "model/validate/syntax.h"

namespace asya::model {
namespace {

// Names whose value the rendered pod sets; a second value would silently win or lose. How a relay uses its broker may
// be tuned in sidecar.env; where the broker is, and who the relay is there, are the Transport's.
constexpr std::array kOwnedEnvironment = std::to_array<std::string_view>(
    {// Of the actor.
     "ASYA_HANDLER", "ASYA_SOCKET_DIR", "ASYA_SOCKET_NAME", "ASYA_SOCKET_CHMOD", "ASYA_CONCURRENCY",
     "ASYA_STATE_PROXY_MOUNTS", "ASYA_CONTROL_FD", "ASYA_ACTOR_NAME", "ASYA_NAMESPACE", "ASYA_ACTOR_SINK",
     "ASYA_ACTOR_SUMP", "ASYA_IS_END_ACTOR", "ASYA_END_IN_RELAY", "ASYA_ENDPOINT", "ASYA_PYTHONEXECUTABLE",
     "ASYA_METRICS_ADDR",
     // Of the gateway.
     "ASYA_GATEWAY_URL", "ASYA_GATEWAY_CA_FILE", "ASYA_GATEWAY_TOKEN_FILE",
     // Of the Transport.
     "ASYA_TRANSPORT", "ASYA_SQLITE_PATH", "ASYA_POSTGRES_URL", "ASYA_RABBITMQ_URL", "ASYA_RABBITMQ_HOST",
     "ASYA_RABBITMQ_PORT", "ASYA_RABBITMQ_VIRTUAL_HOST", "ASYA_RABBITMQ_USERNAME", "ASYA_RABBITMQ_PASSWORD",
     "ASYA_RABBITMQ_EXCHANGE", "ASYA_RABBITMQ_TLS", "ASYA_AWS_REGION", "ASYA_SQS_ENDPOINT", "ASYA_SQS_ACCOUNT_ID",
     "ASYA_PUBSUB_PROJECT_ID", "ASYA_PUBSUB_ENDPOINT"});
constexpr std::string_view kOwnedPrefix = "ASYA_RESILIENCY_";

bool IsOwned(std::string_view name) {
  return std::find(kOwnedEnvironment.begin(), kOwnedEnvironment.end(), name) != kOwnedEnvironment.end() ||
         name.substr(0, kOwnedPrefix.size()) == kOwnedPrefix;
}

void CheckOwnedName(const std::string& name, const std::string& path, Causes& causes) {
  if (IsOwned(name)) AddForbidden(causes, path, json::Quote(name) + " is set by the product");
}

const json::Array* ArrayAt(const json::Value& object, std::string_view field) {
  const json::Value* value = object.Find(field);
  return value != nullptr && value->IsArray() ? &value->AsArray() : nullptr;
}

void CheckEnvironment(const json::Value& holder, const std::string& path, bool owned, Causes& causes) {
  const json::Array* env = ArrayAt(holder, "env");
  if (env == nullptr) return;
  for (std::size_t i = 0; i < env->size(); ++i) {
    const json::Value& entry = (*env)[i];
    const std::string at = ElementPath(path, i);
    if (owned) CheckOwnedName(entry.GetString("name").value_or(""), at + ".name", causes);
    if (entry.Find("value") != nullptr && entry.Find("valueFrom") != nullptr) {
      AddForbidden(causes, at + ".valueFrom", "give either value or valueFrom");
    }
  }
}

std::string KeyVariablePath(std::size_t reference, std::size_t key) {
  return ElementPath(ElementPath("spec.secretRefs", reference) + ".keys", key) + ".envVar";
}

void CheckSecretRefs(const json::Value& spec, Causes& causes) {
  const json::Array* references = ArrayAt(spec, "secretRefs");
  if (references == nullptr) return;
  for (std::size_t i = 0; i < references->size(); ++i) {
    const json::Array* keys = ArrayAt((*references)[i], "keys");
    if (keys == nullptr) continue;
    for (std::size_t k = 0; k < keys->size(); ++k) {
      CheckOwnedName((*keys)[k].GetString("envVar").value_or(""), KeyVariablePath(i, k), causes);
    }
  }
}

bool IsReservedContainer(std::string_view name) {
  return name == "asya-runtime" || name == "asya-relay" || name.substr(0, 11) == "asya-state-";
}

// `taken`: names in the lists before; doubles within one list are named by the structure check.
void CheckContainer(const json::Value& container, const std::string& at, const std::vector<std::string>& taken,
                    Causes& causes) {
  CheckEnvironment(container, at + ".env", false, causes);
  const auto name = container.GetString("name");
  if (!name) return;
  if (IsReservedContainer(*name)) {
    AddForbidden(causes, at + ".name",
                 json::Quote(*name) + " is reserved: asya-runtime, asya-relay and asya-state-* are ours");
  }
  if (std::find(taken.begin(), taken.end(), *name) != taken.end()) AddDuplicate(causes, at + ".name", *name);
}

void CheckContainers(const json::Value& spec, Causes& causes) {
  std::vector<std::string> taken;
  for (const char* field : {"initContainers", "sidecars"}) {
    const json::Array* containers = ArrayAt(spec, field);
    if (containers == nullptr) continue;
    const std::string path = MemberPath("spec", field);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < containers->size(); ++i) {
      CheckContainer((*containers)[i], ElementPath(path, i), taken, causes);
      if (const auto name = (*containers)[i].GetString("name")) names.push_back(*name);
    }
    taken.insert(taken.end(), names.begin(), names.end());
  }
}

void CheckVolumes(const json::Value& spec, Causes& causes) {
  if (const json::Array* volumes = ArrayAt(spec, "volumes")) {
    for (std::size_t i = 0; i < volumes->size(); ++i) {
      const std::string name = (*volumes)[i].GetString("name").value_or("");
      if (name == "socket-dir" || name.substr(0, 5) == "asya-") {
        AddForbidden(causes, ElementPath("spec.volumes", i) + ".name",
                     json::Quote(name) + " is reserved: socket-dir and asya-* are ours");
      }
    }
  }
  const json::Array* mounts = ArrayAt(spec, "volumeMounts");
  if (mounts == nullptr) return;
  for (std::size_t i = 0; i < mounts->size(); ++i) {
    const std::string path = (*mounts)[i].GetString("mountPath").value_or("");
    for (const std::string_view ours : {"/var/run/asya", "/opt/asya"}) {
      if (path == ours || path.substr(0, ours.size() + 1) == std::string(ours) + "/") {
        AddForbidden(causes, ElementPath("spec.volumeMounts", i) + ".mountPath",
                     json::Quote(path) + " is reserved: /var/run/asya and /opt/asya are ours");
      }
    }
  }
}

void CheckRequests(const json::Value& holder, const std::string& path, Causes& causes) {
  const std::string requests_path = MemberPath(path, "requests");
  const json::Value* requests = holder.FindPath({"resources", "requests"});
  const json::Value* limits = holder.FindPath({"resources", "limits"});
  if (requests == nullptr || limits == nullptr || !requests->IsObject() || !limits->IsObject()) return;
  for (const auto& [name, request] : requests->AsObject()) {
    const json::Value* limit = limits->Find(name);
    if (limit == nullptr) continue;
    const auto low = ParseQuantity(request);
    const auto high = ParseQuantity(*limit);
    if (low && high && *low > *high) {
      AddInvalid(causes, EntryPath(requests_path, name), request,
                 "must be at most the limit (" + json::Dump(*limit) + ")");
    }
  }
}

void CheckPodLabel(const std::string& key, const json::Value& value, Causes& causes) {
  const std::string at = EntryPath("spec.podLabels", key);
  if (value.IsString() && !IsLabelValue(value.AsString())) {
    AddInvalid(causes, at, value, "must be at most 63 letters, digits, '-', '_' or '.'");
  }
  if (key.substr(0, 8) == "asya.sh/" || key == "app.kubernetes.io/name") {
    AddForbidden(causes, at, "is set by the product");
  }
}

void CheckPodMetadata(const json::Value& spec, Causes& causes) {
  for (const char* field : {"podLabels", "podAnnotations"}) {
    const json::Value* entries = spec.Find(field);
    if (entries == nullptr || !entries->IsObject()) continue;
    for (const auto& [key, value] : entries->AsObject()) {
      if (!IsQualifiedName(key)) {
        AddInvalid(causes, MemberPath("spec", field), key, "must be a label name with an optional DNS prefix");
      }
      if (field == std::string_view("podLabels")) CheckPodLabel(key, value, causes);
    }
  }
}

}  // namespace

void CheckPod(const json::Value& spec, Causes& causes) {
  CheckEnvironment(spec, "spec.env", true, causes);
  CheckSecretRefs(spec, causes);
  CheckContainers(spec, causes);
  CheckVolumes(spec, causes);
  CheckRequests(spec, "spec.resources", causes);
  CheckPodMetadata(spec, causes);
  const json::Value* sidecar = spec.Find("sidecar");
  if (sidecar == nullptr) return;
  CheckEnvironment(*sidecar, "spec.sidecar.env", true, causes);
  CheckRequests(*sidecar, "spec.sidecar.resources", causes);
}

}  // namespace asya::model
