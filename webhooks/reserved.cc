#include "webhooks/reserved.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "webhooks/merge.h"

namespace asya::webhooks {
namespace {

constexpr std::string_view kOurs = "asya-";
constexpr std::string_view kOurVariables = "ASYA_";

std::string At(const std::string& list, std::size_t index) { return list + "[" + std::to_string(index) + "]"; }

const json::Array& ListIn(const json::Value& object, std::string_view name) {
  static const json::Array none;
  const json::Value* list = object.Find(name);
  return list != nullptr && list->IsArray() ? list->AsArray() : none;
}

bool IsReservedPath(const std::string& path) {
  constexpr std::array<std::string_view, 3> kOurFolders = {"/opt/asya", "/var/run/asya", "/var/run/asya-gateway"};
  return std::ranges::any_of(kOurFolders, [&path](std::string_view ours) {
    return path.starts_with(ours) && (path.size() == ours.size() || path[ours.size()] == '/');
  });
}

bool IsRelaysPort(const json::Value& port, const ports::InjectedParts& parts) {
  const json::Array& own = ListIn(parts.relay, "ports");
  return std::any_of(own.begin(), own.end(), [&](const json::Value& one) {
    return one.GetInt("containerPort") == port.GetInt("containerPort");
  });
}

Status CheckContainer(const json::Value& container, const std::string& at, const ports::InjectedParts& parts,
                      bool runs_handler) {
  const std::string name = container.GetString("name").value_or("");
  if (IsReservedContainer(name)) {
    return Invalid(at + ".name", json::Quote(name) +
                                     " is reserved: asya-runtime, asya-relay and asya-state-* are put in by the "
                                     "injection; rename or remove the container");
  }
  const json::Array& mounts = ListIn(container, "volumeMounts");
  for (std::size_t i = 0; i < mounts.size(); ++i) {
    const std::string path = mounts[i].GetString("mountPath").value_or("");
    if (!IsReservedPath(path)) continue;
    return Invalid(At(at + ".volumeMounts", i) + ".mountPath",
                   json::Quote(path) +
                       " is reserved: /var/run/asya, /var/run/asya-gateway and /opt/asya are ours; mount it elsewhere");
  }
  const json::Array& ports = ListIn(container, "ports");
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!ports[i].Find("containerPort") || !IsRelaysPort(ports[i], parts)) continue;
    return Invalid(At(at + ".ports", i) + ".containerPort",
                   std::to_string(ports[i].GetInt("containerPort").value_or(0)) +
                       " is the port of the relay's metrics; the containers of a pod share their ports: take another");
  }
  if (!runs_handler) return Ok();
  const json::Array& environment = ListIn(container, "env");
  for (std::size_t i = 0; i < environment.size(); ++i) {
    const std::string variable = environment[i].GetString("name").value_or("");
    if (!variable.starts_with(kOurVariables) || !FindNamed(ListIn(parts.runtime, "env"), variable)) continue;
    return Invalid(At(at + ".env", i) + ".name", json::Quote(variable) + " is set by the injection; remove it");
  }
  return Ok();
}

}  // namespace

bool IsReservedContainer(std::string_view name) {
  return name == "asya-runtime" || name == "asya-relay" || name.starts_with("asya-state-");
}

Status CheckReserved(const Pod& pod, const ports::InjectedParts& parts, const std::string& runs_handler) {
  for (const char* list : {"containers", "initContainers"}) {
    const json::Array& all = pod.List(list);
    const bool main = std::string_view(list) == "containers";
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool runs = main && !runs_handler.empty() && all[i].GetString("name") == runs_handler;
      ASYA_TRY_STATUS(CheckContainer(all[i], At("spec." + std::string(list), i), parts, runs));
    }
  }
  const json::Array& volumes = pod.List("volumes");
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    const std::string name = volumes[i].GetString("name").value_or("");
    if (!name.starts_with(kOurs)) continue;
    return Invalid(At("spec.volumes", i) + ".name",
                   json::Quote(name) + " is reserved: volumes called asya-* are put in by the injection; rename it");
  }
  return Ok();
}

}  // namespace asya::webhooks
