#include "compositions/steps.h"

namespace asya::compositions {
namespace {

// The images of users need hold no shell and no `test`: Python itself asks the supervisor. `accepted` is what has to
// stand in the first line of the answer.
json::Value Probe(const std::string& python, const char* accepted, int period_seconds, int failures) {
  const std::string program =
      std::string("import socket,sys;s=socket.socket(socket.AF_UNIX);s.settimeout(3);s.connect('") + kSocketDir +
      "/asya-runtime-health.sock');s.sendall(b'GET /healthz HTTP/1.0\\r\\n\\r\\n');" + "sys.exit(b'" + accepted +
      "' not in s.recv(64))";
  return json::Object{{"exec", json::Object{{"command", json::Array{python, "-c", program}}}},
                      {"periodSeconds", period_seconds},
                      {"timeoutSeconds", 5},
                      {"failureThreshold", failures}};
}

void AddSecretKeys(const Context& context, json::Array& environment) {
  const json::Value* references = context.spec.Find("secretRefs");
  if (references == nullptr) return;
  for (const json::Value& reference : references->AsArray()) {
    const std::string secret = reference.GetString("secretName").value_or("");
    for (const json::Value& key : reference.Find("keys")->AsArray()) {
      json::Object source = {{"name", secret}, {"key", key.GetString("key").value_or("")}};
      SetEnvironment(environment, json::Object{{"name", key.GetString("envVar").value_or("")},
                                               {"valueFrom", json::Object{{"secretKeyRef", std::move(source)}}}});
    }
  }
}

// name:path:write=mode;… as the runtime reads it.
std::string StateMounts(const json::Value& states) {
  std::string text;
  for (const json::Value& state : states.AsArray()) {
    if (!text.empty()) text += ";";
    text += state.GetString("name").value_or("") + ":" + state.Find("mount")->GetString("path").value_or("") +
            ":write=" + state.GetString("writeMode").value_or("buffered");
  }
  return text;
}

json::Array Environment(const Context& context) {
  json::Array environment = {
      EnvironmentValue("ASYA_HANDLER", context.spec.GetString("handler").value_or("")),
      EnvironmentValue("ASYA_SOCKET_DIR", kSocketDir),
      EnvironmentValue("ASYA_CONCURRENCY", std::to_string(context.spec.GetInt("concurrency").value_or(1))),
      EnvironmentValue("HOME", "/tmp"),
  };
  const json::Value* states = context.spec.Find("stateProxy");
  if (states != nullptr && !states->AsArray().empty()) {
    environment.push_back(EnvironmentValue("ASYA_STATE_PROXY_MOUNTS", StateMounts(*states)));
  }
  AddOwnEnvironment(context, environment);
  return environment;
}

json::Array Mounts(const Context& context) {
  json::Array mounts = {
      json::Object{{"name", "socket-dir"}, {"mountPath", kSocketDir}},
      json::Object{{"name", "asya-runtime"}, {"mountPath", "/opt/asya"}, {"readOnly", true}},
  };
  bool has_tmp = false;
  const json::Value* own = context.spec.Find("volumeMounts");
  if (own != nullptr) {
    for (const json::Value& mount : own->AsArray()) {
      has_tmp = has_tmp || mount.GetString("mountPath") == "/tmp";
      mounts.push_back(mount);
    }
  }
  if (!has_tmp) mounts.push_back(json::Object{{"name", "tmp"}, {"mountPath", "/tmp"}});
  return mounts;
}

}  // namespace

void AddOwnEnvironment(const Context& context, json::Array& environment) {
  if (const json::Value* own = context.spec.Find("env")) {
    for (const json::Value& entry : own->AsArray()) SetEnvironment(environment, entry);
  }
  AddSecretKeys(context, environment);
}

json::Value RenderRuntimeContainer(const Context& context) {
  const std::string python = context.spec.GetString("pythonExecutable").value_or("python3");
  const json::Object drain = {{"exec", json::Object{{"command", json::Array{python, kRuntimePath, "drain"}}}}};
  json::Value security =
      json::Object{{"allowPrivilegeEscalation", false}, {"capabilities", json::Object{{"drop", json::Array{"ALL"}}}}};
  json::Object container = {
      {"name", "asya-runtime"},
      {"image", context.spec.GetString("image").value_or("")},
      {"imagePullPolicy", context.spec.GetString("imagePullPolicy").value_or("IfNotPresent")},
      {"command", json::Array{python, kRuntimePath}},
      {"env", Environment(context)},
      {"lifecycle", json::Object{{"preStop", drain}}},
      // A handler that is slow to load or does not load is not ready; only a supervisor that is gone is restarted.
      {"startupProbe", Probe(python, "HTTP", 1, 60)},
      {"readinessProbe", Probe(python, " 200 ", 10, 3)},
      {"livenessProbe", Probe(python, "HTTP", 30, 3)},
      {"securityContext", Overlaid(std::move(security), context.spec.Find("securityContext"))},
      {"volumeMounts", Mounts(context)},
  };
  for (const char* field : {"envFrom", "resources"}) {
    if (const json::Value* value = context.spec.Find(field)) container[field] = *value;
  }
  return container;
}

json::Array RenderStateContainers(const Context& context) {
  json::Array containers;
  const json::Value* states = context.spec.Find("stateProxy");
  if (states == nullptr) return containers;
  for (const json::Value& state : states->AsArray()) {
    const std::string name = state.GetString("name").value_or("");
    const json::Value& connector = *state.Find("connector");
    json::Array environment = {
        EnvironmentValue("CONNECTOR_SOCKET", std::string(kStateSocketDir) + "/" + name + ".sock")};
    if (const json::Value* own = connector.Find("env")) {
      for (const json::Value& entry : own->AsArray()) SetEnvironment(environment, entry);
    }
    std::string image = connector.GetString("image").value_or("");
    if (image.empty()) image = context.settings.connector_images.at(connector.GetString("type").value_or(""));
    json::Object container = {
        {"name", "asya-state-" + name},
        {"image", image},
        {"env", std::move(environment)},
        {"securityContext", json::Object{{"allowPrivilegeEscalation", false},
                                         {"capabilities", json::Object{{"drop", json::Array{"ALL"}}}}}},
        {"volumeMounts", json::Array{json::Object{{"name", "socket-dir"}, {"mountPath", kSocketDir}}}},
    };
    if (const json::Value* resources = connector.Find("resources")) container["resources"] = *resources;
    containers.push_back(std::move(container));
  }
  return containers;
}

Status CheckSettings(const Context& context) {
  const json::Value* states = context.spec.Find("stateProxy");
  if (states == nullptr || states->AsArray().empty()) return Ok();
  if (!context.settings.serves_state) {
    return Invalid("spec.stateProxy",
                   "Forbidden: state proxies are not served yet, and the handler would find no files; take it out, and "
                   "mount a volume (spec.volumes and spec.volumeMounts) for what it keeps");
  }
  for (std::size_t i = 0; i < states->AsArray().size(); ++i) {
    const auto type = states->AsArray()[i].Find("connector")->GetString("type");
    if (!type || context.settings.connector_images.contains(*type)) continue;
    std::string known;
    for (const auto& [name, image] : context.settings.connector_images) known += (known.empty() ? "" : ", ") + name;
    return Invalid("spec.stateProxy[" + std::to_string(i) + "].connector.type",
                   "Unsupported value: " + json::Quote(*type) + ": this installation has " +
                       (known.empty() ? "no connectors: give connector.image" : known));
  }
  return Ok();
}

}  // namespace asya::compositions
