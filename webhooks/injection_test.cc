#include "webhooks/injection.h"

#include <gtest/gtest.h>

#include "core/json/json_patch.h"
#include "ports/resource.h"
#include "webhooks/merge.h"
#include "webhooks/test_actor.h"

namespace asya::webhooks {

using ports::AnnotationOf;

namespace {

constexpr const char* kVllm =
    R"({"name":"vllm","image":"vllm:1","args":["--model","m"],"ports":[{"containerPort":8000}]})";

json::Value Patched(const json::Value& pod, const json::Array& patch) {
  return json::ApplyJsonPatch(pod, json::ParseJsonPatch(patch).value()).value();
}

json::Value Injected(const json::Value& pod, const ports::InjectedParts& parts) {
  const auto patch = Inject(pod, "llm", parts);
  EXPECT_TRUE(patch.ok()) << patch.error().field << ": " << patch.error().message;
  return patch.ok() ? Patched(pod, *patch) : pod;
}

const json::Array& In(const json::Value& pod, std::string_view list) { return pod.FindPath({"spec", list})->AsArray(); }

std::string Names(const json::Value& pod, std::string_view list) {
  std::string names;
  for (const json::Value& one : In(pod, list)) names += one.GetString("name").value_or("?") + " ";
  return names;
}

TEST(Inject, PutsTheRelayFirstAndLeavesAModelServerAsItIs) {
  const json::Value before = PodOf(kVllm, R"("initContainers":[{"name":"download","image":"d"}],"nodeName":"x")");
  const json::Value after = Injected(before, PartsOf(kModelServer));
  EXPECT_EQ(Names(after, "initContainers"), "asya-relay download ");
  EXPECT_EQ(In(after, "initContainers")[1], In(before, "initContainers")[0]);
  EXPECT_EQ(In(after, "containers"), In(before, "containers"));
  EXPECT_EQ(Names(after, "volumes"), "asya-socket ");
  EXPECT_EQ(after.Find("spec")->GetString("nodeName"), "x");
  EXPECT_EQ(after.Find("spec")->GetInt("terminationGracePeriodSeconds"), 330);
  EXPECT_EQ(AnnotationOf(after, kInjectedAnnotation), "llm");
  EXPECT_TRUE(CheckInjected(after).ok());
}

TEST(Inject, RunsTheHandlerInTheContainerOfThePod) {
  const json::Value before =
      PodOf(R"({"name":"app","image":"app:1","command":["serve"],"args":["-p"],"env":[{"name":"OWN","value":"1"}],)"
            R"("livenessProbe":{"httpGet":{"port":80}},"volumeMounts":[{"name":"data","mountPath":"/data"}]})",
            R"("volumes":[{"name":"data","emptyDir":{}}])");
  const json::Value after = Injected(before, PartsOf(kHandler));
  const json::Value& app = In(after, "containers")[0];
  EXPECT_EQ(app.GetString("image"), "app:1");
  EXPECT_EQ(json::Dump(*app.Find("command")), R"(["python3","/opt/asya/asya_runtime.pyz"])");
  EXPECT_EQ(app.Find("args"), nullptr) << "they would become those of the runtime";
  EXPECT_NE(FindNamed(app.Find("env")->AsArray(), "OWN"), nullptr);
  EXPECT_NE(FindNamed(app.Find("env")->AsArray(), "ASYA_HANDLER"), nullptr);
  EXPECT_EQ(app.FindPath({"livenessProbe", "httpGet"}), nullptr) << "what it asks does not run there any more";
  EXPECT_NE(FindNamed(app.Find("volumeMounts")->AsArray(), "data"), nullptr);
  EXPECT_EQ(Names(after, "volumes"), "data asya-socket asya-runtime ");
  EXPECT_EQ(AnnotationOf(after, kContainerAnnotation), "app");
}

// What the API, its own admission and webhooks of others make of an injected pod before we see it again.
json::Value Reworked(json::Value pod) {
  json::Value& relay = pod["spec"]["initContainers"].AsArray()[0];
  relay["terminationMessagePath"] = "/dev/termination-log";
  relay["startupProbe"]["successThreshold"] = 1;
  relay["startupProbe"]["httpGet"]["scheme"] = "HTTP";
  relay["env"].AsArray().push_back(json::Object{{"name", "AWS_ROLE_ARN"}, {"value", "r"}});
  json::Array& mounts = relay["volumeMounts"].AsArray();
  mounts.insert(mounts.begin(), json::Object{{"name", "token"}, {"mountPath", "/var/run/secrets/token"}});
  json::Array& first = pod["spec"]["initContainers"].AsArray();
  first.insert(first.begin(), json::Object{{"name", "istio-proxy"}, {"restartPolicy", "Always"}});
  pod["spec"]["containers"].AsArray().push_back(json::Object{{"name", "agent"}, {"image", "a"}});
  pod["spec"]["volumes"].AsArray()[0]["emptyDir"]["medium"] = "Memory";
  return pod;
}

TEST(Inject, DoesNothingTheSecondTime) {
  for (const char* spec : {kModelServer, kHandler}) {
    const ports::InjectedParts parts = PartsOf(spec);
    const json::Value once = Injected(PodOf(kVllm), parts);
    EXPECT_EQ(json::Dump(Inject(once, "llm", parts).value()), "[]");
    const json::Value reworked = Reworked(once);
    EXPECT_EQ(json::Dump(Inject(reworked, "llm", parts).value()), "[]") << spec;
    EXPECT_TRUE(CheckInjected(reworked).ok());
  }
}

TEST(Inject, PutsRightWhatOthersTookOutAndKeepsWhatTheyPutIn) {
  const ports::InjectedParts parts = PartsOf(kModelServer);
  json::Value pod = Reworked(Injected(PodOf(kVllm), parts));
  json::Value& relay = pod["spec"]["initContainers"].AsArray()[1];
  relay["image"] = "other";
  relay.AsObject().erase("restartPolicy");
  EXPECT_FALSE(CheckInjected(pod).ok());
  const json::Value mended = Injected(pod, parts);
  EXPECT_EQ(Names(mended, "initContainers"), "istio-proxy asya-relay ");
  const json::Value& now = In(mended, "initContainers")[1];
  EXPECT_EQ(now.GetString("image"), "asya-relay:latest");
  EXPECT_NE(FindNamed(now.Find("env")->AsArray(), "AWS_ROLE_ARN"), nullptr);
  EXPECT_NE(FindNamed(now.Find("volumeMounts")->AsArray(), "token"), nullptr);
  EXPECT_EQ(Names(mended, "containers"), "vllm agent ");
  EXPECT_TRUE(CheckInjected(mended).ok());
}

TEST(Inject, KeepsALongerGraceAndAddsOnlyTheSecretsThatAreMissing) {
  const std::string spec = std::string(kModelServer) + R"(,"imagePullSecrets":[{"name":"a"},{"name":"b"}])";
  const json::Value pod = PodOf(kVllm, R"("terminationGracePeriodSeconds":900,"imagePullSecrets":[{"name":"b"}])");
  const json::Value after = Injected(pod, PartsOf(spec));
  EXPECT_EQ(after.Find("spec")->GetInt("terminationGracePeriodSeconds"), 900);
  EXPECT_EQ(Names(after, "imagePullSecrets"), "b a ");
}

std::string Refused(const json::Value& pod, const std::string& spec) {
  const auto patch = Inject(pod, "llm", PartsOf(spec));
  return patch.ok() ? "" : patch.error().field + ": " + patch.error().message;
}

TEST(Inject, RefusesNamesThatAreOursWithTheFix) {
  EXPECT_EQ(Refused(PodOf(R"({"name":"a"},{"name":"asya-relay"})"), kModelServer),
            "spec.containers[1].name: \"asya-relay\" is reserved: asya-runtime, asya-relay and asya-state-* are put in "
            "by the injection; rename or remove the container");
  EXPECT_EQ(Refused(PodOf(kVllm, R"("initContainers":[{"name":"asya-state-x"}])"), kModelServer).substr(0, 46),
            "spec.initContainers[0].name: \"asya-state-x\" is");
  EXPECT_EQ(Refused(PodOf(kVllm, R"("volumes":[{"name":"asya-socket"}])"), kModelServer),
            "spec.volumes[0].name: \"asya-socket\" is reserved: volumes called asya-* are put in by the injection; "
            "rename it");
  EXPECT_EQ(Refused(PodOf(R"({"name":"a","volumeMounts":[{"name":"v","mountPath":"/opt/asya"}]})"), kModelServer),
            "spec.containers[0].volumeMounts[0].mountPath: \"/opt/asya\" is reserved: /var/run/asya, "
            "/var/run/asya-gateway and /opt/asya are ours; mount it elsewhere");
  const auto mounted_at = [](const std::string& path) {
    return Refused(PodOf(R"({"name":"a","volumeMounts":[{"name":"v","mountPath":")" + path + R"("}]})"), kModelServer);
  };
  EXPECT_NE(mounted_at("/var/run/asya-gateway/x"), "");
  EXPECT_EQ(mounted_at("/var/run/asya-others"), "");
  EXPECT_EQ(Refused(PodOf(R"({"name":"a","ports":[{"containerPort":18080}]})"), kModelServer),
            "spec.containers[0].ports[0].containerPort: 18080 is the port of the relay's metrics; the containers of a "
            "pod share their ports: take another");
  const json::Value variable = PodOf(R"({"name":"a","env":[{"name":"ASYA_HANDLER","value":"x"}]})");
  EXPECT_EQ(Refused(variable, kHandler),
            "spec.containers[0].env[0].name: \"ASYA_HANDLER\" is set by the injection; remove it");
  EXPECT_EQ(Refused(variable, kModelServer), "") << "nothing of ours reads it there";
}

TEST(Inject, AsksWhichOfSeveralContainersRunsTheHandler) {
  const char* two = R"({"name":"a"},{"name":"b"})";
  EXPECT_EQ(Refused(PodOf(two), kHandler),
            "metadata.annotations[asya.sh/container]: Required value: the pod has several containers (a, b); name here "
            "the one that runs the handler");
  EXPECT_EQ(Refused(PodOf(two, "", R"("asya.sh/container":"c")"), kHandler),
            "metadata.annotations[asya.sh/container]: Invalid value: \"c\": the pod has the containers a, b; name one "
            "of them");
  const json::Value after = Injected(PodOf(two, "", R"("asya.sh/container":"b")"), PartsOf(kHandler));
  EXPECT_EQ(In(after, "containers")[0].Find("command"), nullptr);
  EXPECT_NE(In(after, "containers")[1].Find("command"), nullptr);
}

// In a namespace that enforces the restricted standard its container has to say so, where the pod does not.
TEST(Inject, RunsAStateProxyAsTheHandlerRuns) {
  const std::string state = R"(,"stateProxy":[{"name":"s","mount":{"path":"/s"},"connector":{"image":"c:1"}}])";
  const auto security_of = [&](const std::string& container, const std::string& spec) {
    const ports::InjectedParts parts = PartsOf(kHandler + state + spec);
    const json::Value after = Injected(PodOf(container), parts);
    EXPECT_EQ(json::Dump(Inject(after, "llm", parts).value()), "[]");
    return json::Dump(*FindNamed(In(after, "containers"), "asya-state-s")->Find("securityContext"));
  };
  const std::string least = R"("allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]})";
  EXPECT_EQ(security_of(R"({"name":"app","securityContext":{"privileged":false}})", ""), "{" + least + "}");
  const std::string restricted = R"({"name":"app","securityContext":{"runAsNonRoot":true,"runAsUser":1000,)"
                                 R"("seccompProfile":{"type":"RuntimeDefault"}}})";
  const std::string same = R"(,"runAsNonRoot":true,"runAsUser":)";
  const std::string profile = R"(,"seccompProfile":{"type":"RuntimeDefault"}})";
  EXPECT_EQ(security_of(restricted, ""), "{" + least + same + "1000" + profile);
  EXPECT_EQ(security_of(restricted, R"(,"securityContext":{"runAsUser":2000})"), "{" + least + same + "2000" + profile)
      << "the actor says it of the handler";
}

TEST(Inject, RefusesAVolumeThatMeansSomethingElse) {
  const std::string spec = std::string(kModelServer) + R"(,"volumes":[{"name":"data","emptyDir":{}}])";
  EXPECT_EQ(Refused(PodOf(kVllm, R"("volumes":[{"name":"data","hostPath":{"path":"/"}}])"), spec),
            "spec.volumes[0].name: \"data\" is a volume of the AsyncActor too, of another kind; rename one of them");
  EXPECT_EQ(Refused(PodOf(kVllm, R"("volumes":[{"name":"data","emptyDir":{"sizeLimit":"1Gi"}}])"), spec), "");
}

TEST(Inject, RefusesWhatIsNoPod) {
  for (const char* text :
       {"{}", "[]", "1", R"({"metadata":{},"spec":[]})", R"({"metadata":{},"spec":{"containers":1}})",
        R"({"metadata":{},"spec":{"volumes":["a"]}})", R"({"metadata":1,"spec":{}})"}) {
    EXPECT_FALSE(Inject(json::Parse(text).value(), "llm", PartsOf(kModelServer)).ok()) << text;
  }
  EXPECT_TRUE(Inject(json::Parse(R"({"metadata":{"annotations":null},"spec":{"volumes":null}})").value(), "llm",
                     PartsOf(kModelServer))
                  .ok());
}

TEST(CheckInjected, RefusesAPodWithoutItsRelay) {
  EXPECT_NE(CheckInjected(PodOf(kVllm)).error().message.find("was not called"), std::string::npos);
  EXPECT_NE(CheckInjected(PodOf(R"({"name":"asya-relay"})")).error().message.find("native sidecar"), std::string::npos);
}

}  // namespace
}  // namespace asya::webhooks
