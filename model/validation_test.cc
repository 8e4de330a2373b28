#include "model/validation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "core/json/parse.h"
#include "model/kinds.h"

namespace asya::model {
namespace {

json::Value Json(const std::string& text) {
  auto parsed = json::Parse(text);
  EXPECT_TRUE(parsed.ok()) << text << ": " << (parsed.ok() ? "" : parsed.error().message);
  return parsed.ok() ? *parsed : json::Value();
}

json::Value Wrap(const std::string& kind, const std::string& spec,
                 const std::string& metadata = R"({"name":"infer"})") {
  return Json(R"({"apiVersion":"asya.sh/v1alpha1","kind":")" + kind + R"(","metadata":)" + metadata + R"(,"spec":)" +
              spec + "}");
}

std::vector<std::string> Complaints(const json::Value& object, const json::Value* old = nullptr) {
  std::vector<std::string> lines;
  for (const Cause& cause : Validate(*FindKindByName(object.GetString("kind").value_or("AsyncActor")), object, old)) {
    lines.push_back(Describe(cause));
  }
  return lines;
}

TEST(Validation, TakesTheSmallestManifest) {
  EXPECT_EQ(Complaints(Wrap("AsyncActor", R"({
      "image": "my-inference:latest", "handler": "handler.inference",
      "scaling": {"minReplicaCount": 0, "maxReplicaCount": 10, "queueLength": 1},
      "resiliency": {"actorTimeout": "600s", "policies": {"default":
        {"maxAttempts": 3, "backoff": "exponential", "initialInterval": "2s", "maxInterval": "120s"}}},
      "resources": {"limits": {"nvidia.com/gpu": "1"}}})")),
            std::vector<std::string>{});
}

TEST(Validation, TakesEveryAcceptedForm) {
  for (const char* spec : {
           R"({"image":"a","handler":"path/file.py:function"})",
           R"({"image":"a","handler":"module.Class.method"})",
           R"({"image":"a","handler":"file.py:Class.method"})",
           R"({"flavors":["gpu"]})",
           R"({"endpoint":{"url":"http://model:8000/v2","input":"/a/b~0c"}})",
           R"({"workloadRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"x"},"handler":"m.f"})",
           R"({"image":"a","handler":"m.f","scaling":{"enabled":false},"replicas":3})",
           R"({"flavors":["fixed"],"replicas":3})",
           R"({"image":"a","handler":"m.f","scaling":{"mode":"native","advanced":{"formula":"queue","target":"5"}}})",
           R"({"image":"a","handler":"m.f","env":[
             {"name":"ASYA_LOG_LEVEL","value":"DEBUG"},{"name":"ASYA_HANDLER_OCR","value":"m.f"}]})",
           R"({"image":"a","handler":"m.f","resources":{
             "requests":{"cpu":1,"memory":"1Gi"},"limits":{"cpu":"1500m","memory":"1.5e9"}}})",
           R"({"image":"a","handler":"m.f","env":null,"scaling":null})",
       }) {
    EXPECT_EQ(Complaints(Wrap("AsyncActor", spec)), std::vector<std::string>{}) << spec;
  }
}

struct Mistake {
  const char* kind;
  const char* spec;
  std::vector<std::string> complaints;
};

class Mistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreAllNamedWithValueAndWhatIsAccepted) {
  std::vector<std::string> seen = Complaints(Wrap(GetParam().kind, GetParam().spec));
  std::vector<std::string> expected = GetParam().complaints;
  std::sort(seen.begin(), seen.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(seen, expected) << GetParam().spec;
}

const Mistake kTypes[] = {
    {"AsyncActor",
     R"({})",
     {"spec.handler: Required value: unless endpoint is set",
      "spec.image: Required value: unless endpoint or workloadRef is set"}},
    {"AsyncActor",
     R"({"image":5,"handler":["a"]})",
     {"spec.handler: Invalid value: \"array\": must be a string",
      "spec.image: Invalid value: 5: must be a string: write it in quotes"}},
    {"AsyncActor",
     R"({"image":"a b","handler":"f"})",
     {"spec.handler: Invalid value: \"f\": must be module.function, module.Class.method or path/file.py:function",
      "spec.image: Invalid value: \"a b\": must be a container image such as \"registry.example/team/model:1.2\", "
      "without white space"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","concurrency":0,"paused":"yes","imagePullPolicy":"Sometimes"})",
     {"spec.concurrency: Invalid value: 0: must be at least 1",
      "spec.imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", "
      "\"Never\"",
      "spec.paused: Invalid value: \"yes\": must be true or false"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","concurrency":1.5,"nodeSelector":[],"env":{}})",
     {"spec.concurrency: Invalid value: 1.5: must be an integer", "spec.env: Invalid value: \"object\": must be a list",
      "spec.nodeSelector: Invalid value: \"array\": must be an object"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","actor":"Infer","transport":"My_Broker"})",
     {"spec.actor: Invalid value: \"Infer\": must be at most 54 lower case letters, digits or '-', and start and end "
      "with a letter or digit",
      "spec.transport: Invalid value: \"My_Broker\": must be at most 253 lower case letters, digits, '-' or '.', and "
      "start and end with "
      "a letter or digit"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","flavors":["a","b","a","d","e","f","g","h","i"]})",
     {"spec.flavors: Too many: 9: must have at most 8 items", "spec.flavors[2]: Duplicate value: \"a\""}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","resources":{"limits":{"cpu":"lots","memory":"-1Gi"}}})",
     {"spec.resources.limits[cpu]: Invalid value: \"lots\": must be a quantity such as \"500m\", \"2\" or \"1Gi\"",
      "spec.resources.limits[memory]: Invalid value: \"-1Gi\": must be at least 0"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","resources":{"limits":{"cpu":"500m"},"requests":{"cpu":1}}})",
     {"spec.resources.requests[cpu]: Invalid value: 1: must be at most the limit (\"500m\")"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","tracing":{"protocol":"udp"}})",
     {"spec.tracing.endpoint: Required value",
      "spec.tracing.protocol: Unsupported value: \"udp\": supported values: \"grpc\", \"http\""}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","endpoint":{"url":"ftp://x"}})",
     {"spec.endpoint.url: Invalid value: <hidden>: must be a URL that starts with http:// or https://",
      "spec.handler: Forbidden: give either handler or endpoint"}},
    {"AsyncActor",
     R"({"endpoint":{"url":"http://me:secret@x/","input":"a"}})",
     {"spec.endpoint.input: Invalid value: \"a\": must be a JSON Pointer: empty, or \"/name/0\"",
      "spec.endpoint.url: Invalid value: <hidden>: must not carry a user name or password: put them into a Secret"}},
    {"AsyncActor",
     R"({"image":"a","workloadRef":{"name":"X"},"handler":"m.f"})",
     {"spec.image: Forbidden: the pods of workloadRef have their own image",
      "spec.workloadRef.apiVersion: Required value", "spec.workloadRef.kind: Required value",
      "spec.workloadRef.name: Invalid value: \"X\": must be at most 253 lower case letters, digits, '-' or '.', and "
      "start and end with a "
      "letter or digit"}},
};

const Mistake kAcrossFields[] = {
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","scaling":{"minReplicaCount":5,"maxReplicaCount":3,"mode":"auto"}})",
     {"spec.scaling.minReplicaCount: Invalid value: 5: must be at most maxReplicaCount (3)",
      "spec.scaling.mode: Unsupported value: \"auto\": supported values: \"managed\", \"native\""}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","scaling":{"minReplicaCount":20}})",
     {"spec.scaling.minReplicaCount: Invalid value: 20: must be at most maxReplicaCount (10, the default)"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","scaling":{"minReplicaCount":-1,"queueLength":0,"cooldownPeriod":"3s"}})",
     {"spec.scaling.cooldownPeriod: Invalid value: \"3s\": must be an integer",
      "spec.scaling.minReplicaCount: Invalid value: -1: must be at least 0",
      "spec.scaling.queueLength: Invalid value: 0: must be at least 1"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","replicas":2})",
     {"spec.replicas: Forbidden: only allowed when scaling.enabled is false; use scaling.minReplicaCount and "
      "maxReplicaCount"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","scaling":{"advanced":{"formula":"queue*2"}}})",
     {"spec.scaling.advanced.formula: Forbidden: needs scaling.mode \"native\"; in \"managed\" mode our scaler decides",
      "spec.scaling.advanced.target: Required value: formula needs a target"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","resiliency":{"actorTimeout":"10 minutes","policies":{"default":{
          "maxAttempts":0,"backoff":"fast","initialDelay":"1s","initialInterval":"2s",
          "maxInterval":"0s","jitter":1,"onExhausted":["x-sink"]}}}})",
     {"spec.resiliency.actorTimeout: Invalid value: \"10 minutes\": must be a duration above zero such as \"600s\", "
      "\"5m\" or \"1h30m\"",
      "spec.resiliency.policies[default].backoff: Unsupported value: \"fast\": supported values: \"constant\", "
      "\"linear\", \"exponential\"",
      "spec.resiliency.policies[default].initialInterval: Forbidden: it is an alias of initialDelay: give only one of "
      "them",
      "spec.resiliency.policies[default].jitter: Invalid value: 1: must be true or false",
      "spec.resiliency.policies[default].maxAttempts: Invalid value: 0: must be at least 1",
      "spec.resiliency.policies[default].maxInterval: Invalid value: \"0s\": must be a duration above zero such as "
      "\"600s\", \"5m\" or "
      "\"1h30m\"",
      "spec.resiliency.policies[default].onExhausted[0]: Invalid value: \"x-sink\": must be an actor of yours: failed "
      "envelopes reach x-sink "
      "and x-sump by themselves"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","resiliency":{"policies":{"slow":{}},"rules":[
          {"errors":["ValueError"],"policy":"fast"},{"errors":[],"policy":"slow"},{"errors":["not a type"]}]}})",
     {"spec.resiliency.rules[0].policy: Unsupported value: \"fast\": supported values: \"slow\"",
      "spec.resiliency.rules[1].errors: Required value: must name at least one error type",
      "spec.resiliency.rules[2].errors[0]: Invalid value: \"not a type\": must be an error type such as \"ValueError\" "
      "or "
      "\"requests.exceptions.Timeout\"",
      "spec.resiliency.rules[2].policy: Required value"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","actor":"x-sump"})",
     {"spec.actor: Forbidden: \"x-sump\" is a system actor, made by the control plane in every namespace"}},
};

const Mistake kPods[] = {
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","env":[{"name":"1x"},{"name":"ASYA_HANDLER","value":"x"},{"value":"y"},
          {"name":"A","value":5},{"name":"A","value":"b","valueFrom":{}}]})",
     {"spec.env[0].name: Invalid value: \"1x\": must be letters, digits, '_', '-' or '.', and must not start with a "
      "digit",
      "spec.env[1].name: Forbidden: \"ASYA_HANDLER\" is set by the product", "spec.env[2].name: Required value",
      "spec.env[3].value: Invalid value: <hidden>: must be a string: write it in quotes",
      "spec.env[4].name: Duplicate value: \"A\"", "spec.env[4].valueFrom: Forbidden: give either value or valueFrom"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","sidecars":[{"name":"asya-relay"},{"name":"log"}],
          "initContainers":[{"name":"asya-state-x"},{"name":"log"}]})",
     {"spec.initContainers[0].name: Forbidden: \"asya-state-x\" is reserved: asya-runtime, asya-relay and asya-state-* "
      "are ours",
      "spec.sidecars[0].name: Forbidden: \"asya-relay\" is reserved: asya-runtime, asya-relay and asya-state-* are "
      "ours",
      "spec.sidecars[1].name: Duplicate value: \"log\""}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","volumes":[{"name":"socket-dir"}],
          "volumeMounts":[{"name":"m","mountPath":"/opt/asya/x"}]})",
     {"spec.volumeMounts[0].mountPath: Forbidden: \"/opt/asya/x\" is reserved: /var/run/asya and /opt/asya are ours",
      "spec.volumes[0].name: Forbidden: \"socket-dir\" is reserved: socket-dir and asya-* are ours"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","secretRefs":[{"secretName":"s",
          "keys":[{"key":"k","envVar":"ASYA_RESILIENCY_RULES"}]}],
          "sidecar":{"env":[{"name":"ASYA_TRANSPORT","value":"x"}]},"podLabels":{"asya.sh/actor":"x","a b":"c d"}})",
     {"spec.podLabels: Invalid value: \"a b\": must be a label name with an optional DNS prefix",
      "spec.podLabels[a b]: Invalid value: \"c d\": must be at most 63 letters, digits, '-', '_' or '.'",
      "spec.podLabels[asya.sh/actor]: Forbidden: is set by the product",
      "spec.secretRefs[0].keys[0].envVar: Forbidden: \"ASYA_RESILIENCY_RULES\" is set by the product",
      "spec.sidecar.env[0].name: Forbidden: \"ASYA_TRANSPORT\" is set by the product"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","tolerations":[{"effect":"Never"}],"topologySpreadConstraints":[{"maxSkew":0}]})",
     {"spec.tolerations[0].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", "
      "\"PreferNoSchedule\", \"NoExecute\"",
      "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be at least 1",
      "spec.topologySpreadConstraints[0].topologyKey: Required value",
      "spec.topologySpreadConstraints[0].whenUnsatisfiable: Required value"}},
    {"AsyncActor",
     R"({"image":"a","handler":"m.f","stateProxy":[{"name":"s","mount":{"path":"state"},"connector":{}}]})",
     {"spec.stateProxy[0].connector.type: Required value: give either image or type",
      "spec.stateProxy[0].mount.path: Invalid value: \"state\": must be an absolute path"}},
};

const Mistake kOtherKinds[] = {
    {"Transport",
     R"({"type":"kafka"})",
     {"spec.type: Unsupported value: \"kafka\": supported values: \"sqlite\", \"postgres\", \"rabbitmq\", \"sqs\", "
      "\"pubsub\""}},
    {"Transport",
     R"({"type":"rabbitmq","sqs":{"waitTimeSeconds":60},"rabbitmq":{"port":0}})",
     {"spec.rabbitmq.host: Required value", "spec.rabbitmq.port: Invalid value: 0: must be at least 1",
      "spec.sqs: Forbidden: spec.type is \"rabbitmq\": only the block of that name is allowed",
      "spec.sqs.waitTimeSeconds: Invalid value: 60: must be at most 20"}},
    {"Flow",
     R"({"routeNext":["a","x-sink"],"timeout":60})",
     {"spec.entrypoint: Required value",
      "spec.routeNext[1]: Invalid value: \"x-sink\": must be an actor of yours: every envelope reaches x-sink by "
      "itself",
      "spec.timeout: Invalid value: 60: must be a string: write it in quotes"}},
    {"Flavor",
     R"({"scaling":{"minReplicaCount":5},
          "resiliency":{"rules":[{"errors":["E"],"policy":"elsewhere"}]},"handler":"x"})",
     {"spec.handler: Invalid value: \"x\": must be module.function, module.Class.method or path/file.py:function"}},
    {"Composition",
     R"({"pipeline":[{"step":"a","functionRef":{"name":"f"}},{"step":"a","functionRef":{}}]})",
     {"spec.compositeTypeRef: Required value", "spec.pipeline[1].functionRef.name: Required value",
      "spec.pipeline[1].step: Duplicate value: \"a\""}},
    {"Composition",
     R"({"compositeTypeRef":{"apiVersion":"asya.sh/v1alpha1","kind":"Flow"},"mode":"Resources","pipeline":[]})",
     {"spec.compositeTypeRef.kind: Unsupported value: \"Flow\": supported values: \"AsyncActor\"",
      "spec.mode: Unsupported value: \"Resources\": supported values: \"Pipeline\"",
      "spec.pipeline: Required value: at least one step"}},
    {"Composition",
     R"({"compositeTypeRef":{"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor"},"pipeline":[{"step":"a",
         "functionRef":{"name":"f"},"input":{"anything":[1]},"credentials":[{"name":"x","source":"Secret"},
         {"name":"y","source":"None","secretRef":{"namespace":"n","name":"s"}},
         {"name":"y","source":"Vault"}]}]})",
     {"spec.pipeline[0].credentials[0].secretRef: Required value: the source is Secret",
      "spec.pipeline[0].credentials[1].secretRef: Forbidden: the source is None",
      "spec.pipeline[0].credentials[2].name: Duplicate value: \"y\"",
      "spec.pipeline[0].credentials[2].source: Unsupported value: \"Vault\": supported values: \"None\", \"Secret\""}},
    {"Function", R"({})", {"spec.endpoint: Required value"}},
    {"Function",
     R"({"endpoint":"http://x:1","timeout":"soon"})",
     {"spec.endpoint: Invalid value: \"http://x:1\": must be HOST:PORT such as \"function-x.default:9443\"",
      "spec.timeout: Invalid value: \"soon\": must be a duration above zero such as \"600s\", \"5m\" or \"1h30m\""}},
};

INSTANTIATE_TEST_SUITE_P(Types, Mistakes, ::testing::ValuesIn(kTypes));
INSTANTIATE_TEST_SUITE_P(AcrossFields, Mistakes, ::testing::ValuesIn(kAcrossFields));
INSTANTIATE_TEST_SUITE_P(Pods, Mistakes, ::testing::ValuesIn(kPods));
INSTANTIATE_TEST_SUITE_P(OtherKinds, Mistakes, ::testing::ValuesIn(kOtherKinds));

TEST(Validation, ChecksMetadata) {
  const std::string spec = R"({"image":"a","handler":"m.f"})";
  const auto seen = Complaints(
      Wrap("AsyncActor", spec, R"({"name":"In_fer","labels":{"a b":"c","ok":"d e"},"finalizers":["x/y/z"]})"));
  EXPECT_EQ(seen.size(), 4U) << Describe(
      Validate(*FindKind("asyncactors"), Wrap("AsyncActor", spec, R"({"name":"In_fer"})"), nullptr));
  EXPECT_EQ(Complaints(Wrap("AsyncActor", spec, "{}")),
            std::vector<std::string>{"metadata.name: Required value: name or generateName is required"});
  EXPECT_EQ(Complaints(Wrap("Flavor", "{}", R"({"name":"a","namespace":"b"})")),
            std::vector<std::string>{
                "metadata.namespace: Forbidden: not allowed on this kind, which belongs to no namespace"});
  const std::string longer(55, 'a');
  EXPECT_EQ(Complaints(Wrap("AsyncActor", spec, R"({"name":")" + longer + "\"}")).size(), 1U);
  EXPECT_TRUE(
      Complaints(Wrap("AsyncActor", R"({"image":"a","handler":"m.f","actor":"b"})", R"({"name":")" + longer + "\"}"))
          .empty());
}

TEST(Validation, ChecksTypeMeta) {
  EXPECT_EQ(
      Validate(*FindKind("flows"), Json(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}})"), nullptr).size(),
      3U);
  EXPECT_EQ(Validate(*FindKind("flows"), Json("[]"), nullptr).size(), 1U);
}

TEST(Validation, KeepsTheActorIdentity) {
  const auto old = Wrap("AsyncActor", R"({"image":"a","handler":"m.f"})");
  const auto same = Wrap("AsyncActor", R"({"image":"b","handler":"m.f","actor":"infer"})");
  const auto other = Wrap("AsyncActor", R"({"image":"a","handler":"m.f","actor":"other"})");
  EXPECT_TRUE(Complaints(same, &old).empty());
  EXPECT_EQ(Complaints(other, &old),
            std::vector<std::string>{"spec.actor: Invalid value: \"other\": field is immutable: it is \"infer\""});
}

TEST(Validation, SystemActorsNeedTheirLabel) {
  const std::string spec = R"({"image":"a","handler":"m.f"})";
  EXPECT_EQ(Complaints(Wrap("AsyncActor", spec, R"({"name":"x-sink"})")).size(), 1U);
  EXPECT_TRUE(Complaints(Wrap("AsyncActor", spec, R"({"name":"x-sink","labels":{"asya.sh/system":"true"}})")).empty());
}

TEST(Validation, ChecksOurAnnotations) {
  const auto seen = Complaints(Wrap("AsyncActor", R"({"image":"a","handler":"m.f"})", R"({"name":"a","annotations":{
      "asya.sh/service-account":"yes","asya.sh/max-unavailable":"some"}})"));
  EXPECT_EQ(
      seen,
      (std::vector<std::string>{
          "metadata.annotations[asya.sh/service-account]: Unsupported value: \"yes\": supported values: \"create\"",
          "metadata.annotations[asya.sh/max-unavailable]: Invalid value: \"some\": must be a number or a "
          "percentage such as \"1\" or \"50%\""}));
}

TEST(Validation, TakesFunctionsByHostAndPort) {
  for (const char* good : {"localhost:9443", "function-x.default.svc:1", "127.0.0.1:65535", "[::1]:9443"}) {
    EXPECT_TRUE(Complaints(Wrap("Function", R"({"endpoint":")" + std::string(good) + "\"}")).empty()) << good;
  }
  for (const char* bad : {"x", "x:", ":1", "x:0", "x:65536", "x:1a", "[]:1", "[x]:1", "::1:9443", "a b:1"}) {
    EXPECT_EQ(Complaints(Wrap("Function", R"({"endpoint":")" + std::string(bad) + "\"}")).size(), 1U) << bad;
  }
}

TEST(Validation, KeepsTheTypeThatACompositionComposes) {
  const std::string spec = R"({"compositeTypeRef":{"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor"},
      "pipeline":[{"step":"a","functionRef":{"name":"f"}}]})";
  json::Value old = Wrap("Composition", spec);
  EXPECT_TRUE(Complaints(old, &old).empty());
  old["spec"]["compositeTypeRef"]["kind"] = "Other";
  EXPECT_EQ(Complaints(Wrap("Composition", spec), &old).size(), 1U);
}

TEST(Validation, NeverRepeatsWholePayloads) {
  const auto seen = Complaints(Wrap("AsyncActor", R"({"image":"a","handler":")" + std::string(5000, 'x') + "\"}"));
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_LT(seen.front().size(), 400U);
}

TEST(Validation, JudgesTheEffectiveSpec) {
  EXPECT_EQ(ValidateEffectiveSpec(Json(R"({"flavors":["a"],"image":"a"})")).size(), 1U);
  EXPECT_TRUE(ValidateEffectiveSpec(Json(R"({"image":"a","handler":"m.f"})")).empty());
}

TEST(Validation, KnowsTheQueueNameLimits) {
  const auto actor = Wrap("AsyncActor", "{}",
                          R"({"name":")" + std::string(50, 'a') + R"(","namespace":")" + std::string(40, 'n') + "\"}");
  EXPECT_EQ(ValidateQueueName(actor, "sqs").size(), 1U);
  EXPECT_TRUE(ValidateQueueName(actor, "rabbitmq").empty());
}

}  // namespace
}  // namespace asya::model
