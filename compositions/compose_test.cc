#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "compositions/actor_composer.h"
#include "compositions/defaults.h"
#include "core/json/parse.h"
#include "model/kinds.h"
#include "model/validation.h"

namespace asya::compositions {
namespace {

json::Value Json(const std::string& text) {
  auto parsed = json::Parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : json::Value();
}

json::Value Sqlite() { return Json(R"({"kind":"Transport","metadata":{"name":"local"},"spec":{"type":"sqlite"}})"); }

ports::ComposeInput Input(const std::string& spec) {
  ports::ComposeInput input;
  input.actor =
      Json(R"({"kind":"AsyncActor","metadata":{"name":"infer","namespace":"n","uid":"u-1"},"spec":)" + spec + "}");
  input.transport = Sqlite();
  return input;
}

std::string Everything(const Result<ports::RenderedSet>& set) {
  if (!set.ok()) return set.error().message;
  return json::Dump(json::Array(set->objects)) + json::Dump(json::Array(set->initial)) +
         json::Dump(set->effective_spec) + set->queue.name + set->queue.owner_uid;
}

const json::Value* FindObject(const std::vector<json::Value>& objects, const std::string& kind) {
  const auto found = std::find_if(objects.begin(), objects.end(),
                                  [&](const auto& object) { return object.GetString("kind") == kind; });
  return found == objects.end() ? nullptr : &*found;
}

TEST(Compose, LeavesTheReplicaCountToTheScaler) {
  const ActorComposer composer{Settings()};
  const auto scaled = composer.Compose(Input(R"({"image":"a","handler":"m.f","scaling":{"minReplicaCount":2}})"));
  ASSERT_TRUE(scaled.ok()) << scaled.error().message;
  EXPECT_EQ(FindObject(scaled->objects, "Deployment")->FindPath({"spec", "replicas"}), nullptr);
  EXPECT_EQ(*FindObject(scaled->initial, "Deployment")->FindPath({"spec", "replicas"}), json::Value(2));
  EXPECT_EQ(scaled->queue.name, "asya-n-infer");
  EXPECT_EQ(scaled->queue.owner_uid, "u-1");
  const auto fixed =
      composer.Compose(Input(R"({"image":"a","handler":"m.f","scaling":{"enabled":false},"replicas":3})"));
  ASSERT_TRUE(fixed.ok()) << fixed.error().message;
  EXPECT_EQ(*FindObject(fixed->objects, "Deployment")->FindPath({"spec", "replicas"}), json::Value(3));
  EXPECT_EQ(FindObject(fixed->objects, "ScaledObject"), nullptr);
}

// A pod that goes may have begun its longest call just before.
TEST(Compose, APodThatGoesHasTheTimeOfItsLongestCallAndMore) {
  constexpr std::int64_t kSettlingSeconds = 30;
  const ActorComposer composer{Settings()};
  const std::map<std::string, std::int64_t> longest{{"250ms", 1}, {"30s", 30}, {"90m", 5400}, {"26h", 93'600}};
  for (const auto& [timeout, seconds] : longest) {
    for (const char* work : {R"("image":"a","handler":"m.f")", R"("endpoint":{"url":"http://m"})"}) {
      std::string spec = std::string("{") + work + R"(,"resiliency":{"actorTimeout":")" + timeout + R"("}})";
      const auto set = composer.Compose(Input(spec));
      ASSERT_TRUE(set.ok()) << set.error().message;
      const json::Value& pod = *FindObject(set->objects, "Deployment")->FindPath({"spec", "template", "spec"});
      EXPECT_EQ(pod.GetInt("terminationGracePeriodSeconds"), seconds + kSettlingSeconds) << spec;
    }
  }
}

// The kubelet signals the relay, a native sidecar, only when the runtime has ended; the end of intake must not wait
// for that. Without a runtime the relay is the one that is signalled.
TEST(Compose, TheRuntimeOfAPodThatGoesEndsAfterTheRelayHasDrained) {
  const ActorComposer composer{Settings()};
  const auto set = composer.Compose(Input(R"({"image":"a","handler":"m.f","pythonExecutable":"/py"})"));
  ASSERT_TRUE(set.ok()) << set.error().message;
  const json::Value& pod = *FindObject(set->objects, "Deployment")->FindPath({"spec", "template", "spec"});
  const json::Value& relay = pod.Find("initContainers")->AsArray().at(0);
  EXPECT_EQ(relay.GetString("restartPolicy"), "Always");
  EXPECT_EQ(relay.Find("lifecycle"), nullptr);
  const json::Value& runtime = pod.Find("containers")->AsArray().at(0);
  EXPECT_EQ(json::Dump(*runtime.FindPath({"lifecycle", "preStop", "exec", "command"})),
            R"(["/py","/opt/asya/asya_runtime.pyz","drain"])");
  const auto alone = composer.Compose(Input(R"({"endpoint":{"url":"http://m"}})"));
  ASSERT_TRUE(alone.ok()) << alone.error().message;
  const json::Value& single = *FindObject(alone->objects, "Deployment")->FindPath({"spec", "template", "spec"});
  EXPECT_EQ(single.Find("initContainers"), nullptr);
  EXPECT_EQ(single.Find("containers")->AsArray().at(0).GetString("name"), "asya-relay");
  EXPECT_EQ(single.Find("containers")->AsArray().at(0).Find("lifecycle"), nullptr);
}

TEST(Compose, TellsKedaWhereAndHowToAskOurScaler) {
  Settings settings;
  settings.scaler_address = "asya-server.tools.svc:6000";
  const ports::ComposeInput input = Input(R"({"image":"a","handler":"m.f"})");
  const auto plain = ActorComposer(settings).Compose(input);
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_EQ(json::Dump(*FindObject(plain->objects, "ScaledObject")->FindPath({"spec", "triggers"})),
            R"([{"metadata":{"actor":"infer","namespace":"n","queue":"asya-n-infer",)"
            R"("scalerAddress":"asya-server.tools.svc:6000"},)"
            R"("metricType":"AverageValue","name":"queue","type":"external-push"}])");
  EXPECT_EQ(FindObject(plain->objects, "TriggerAuthentication"), nullptr);

  settings.scaler_tls = true;
  settings.scaler_ca_secret = "scaler-ca";
  const auto secured = ActorComposer(settings).Compose(input);
  ASSERT_TRUE(secured.ok()) << secured.error().message;
  const std::string triggers =
      json::Dump(*FindObject(secured->objects, "ScaledObject")->FindPath({"spec", "triggers"}));
  EXPECT_NE(triggers.find(R"("enableTLS":"true")"), std::string::npos) << triggers;
  EXPECT_NE(triggers.find(R"("authenticationRef":{"name":"infer-trigger-auth"})"), std::string::npos) << triggers;
  EXPECT_EQ(json::Dump(*FindObject(secured->objects, "TriggerAuthentication")->Find("spec")),
            R"({"secretTargetRef":[{"key":"ca.crt","name":"scaler-ca","parameter":"caCert"}]})");
}

TEST(Compose, TellsKedaTheCaOfTheServers) {
  Settings settings;
  settings.scaler_tls = true;
  settings.scaler_ca_pem = "PEM";
  const ports::ComposeInput input = Input(R"({"image":"a","handler":"m.f"})");
  const auto set = ActorComposer(settings).Compose(input);
  ASSERT_TRUE(set.ok()) << set.error().message;
  const json::Value* authentication = FindObject(set->objects, "TriggerAuthentication");
  ASSERT_NE(authentication, nullptr);
  EXPECT_EQ(json::Dump(*authentication->Find("spec")),
            R"({"configMapTargetRef":[{"key":"ca.crt","name":"infer-gateway","parameter":"caCert"}]})");
  EXPECT_NE(Everything(set).find(R"("data":{"ca.crt":"PEM"})"), std::string::npos) << "whether relays need it or not";
  EXPECT_EQ(Everything(set).find("/var/run/asya-gateway"), std::string::npos);
  const auto named = [](const Result<ports::RenderedSet>& rendered) {
    const json::Value& trigger =
        FindObject(rendered->objects, "ScaledObject")->FindPath({"spec", "triggers"})->AsArray().at(0);
    return trigger.FindPath({"authenticationRef", "name"})->AsString();
  };
  EXPECT_EQ(named(set), *authentication->FindPath({"metadata", "name"}));
  settings.scaler_ca_pem = "PEM and the next one";
  EXPECT_NE(named(ActorComposer(settings).Compose(input)), named(set)) << "KEDA reads it again by a new name alone";
  settings.scaler_ca_secret = "scaler-ca";
  EXPECT_EQ(named(ActorComposer(settings).Compose(input)), "infer-trigger-auth");
  const auto fixed =
      ActorComposer(settings).Compose(Input(R"({"image":"a","handler":"m.f","scaling":{"enabled":false}})"));
  EXPECT_EQ(Everything(fixed).find("infer-gateway"), std::string::npos) << "KEDA has nothing to do with it";
}

TEST(Compose, PausingWantsZero) {
  const ActorComposer composer{Settings()};
  const auto fixed =
      composer.Compose(Input(R"({"image":"a","handler":"m.f","scaling":{"enabled":false},"paused":true})"));
  ASSERT_TRUE(fixed.ok());
  EXPECT_EQ(*FindObject(fixed->objects, "Deployment")->FindPath({"spec", "replicas"}), json::Value(0));
  const auto scaled =
      composer.Compose(Input(R"({"image":"a","handler":"m.f","scaling":{"minReplicaCount":2},"paused":true})"));
  ASSERT_TRUE(scaled.ok());
  EXPECT_EQ(*FindObject(scaled->initial, "Deployment")->FindPath({"spec", "replicas"}), json::Value(0));
}

TEST(Compose, MarksEveryChildWithItsOwner) {
  const auto set = ActorComposer(Settings()).Compose(Input(R"({"image":"a","handler":"m.f"})"));
  ASSERT_TRUE(set.ok());
  for (const json::Value& object : set->objects) {
    EXPECT_EQ(*object.FindPath({"metadata", "labels", "asya.sh/owner-uid"}), json::Value("u-1")) << json::Dump(object);
    EXPECT_EQ(*object.FindPath({"metadata", "namespace"}), json::Value("n"));
  }
}

TEST(Compose, TellsEveryRelayWhatTheInstallationSays) {
  Settings settings;
  settings.relay_environment = {{"ASYA_CLAIM_STORE", "/claims"}};
  const ActorComposer composer{settings};
  const auto plain = composer.Compose(Input(R"({"image":"a","handler":"m.f"})"));
  ASSERT_TRUE(plain.ok()) << plain.error().message;
  EXPECT_NE(Everything(plain).find(R"({"name":"ASYA_CLAIM_STORE","value":"/claims"})"), std::string::npos);
  const auto own = composer.Compose(
      Input(R"({"image":"a","handler":"m.f","sidecar":{"env":[{"name":"ASYA_CLAIM_STORE","value":"/mine"}]}})"));
  ASSERT_TRUE(own.ok()) << own.error().message;
  EXPECT_EQ(Everything(own).find(R"("value":"/claims"})"), std::string::npos);
}

TEST(Compose, GivesRelaysWhatAnHttpsGatewayNeeds) {
  Settings settings;
  settings.gateway_url = "https://asya-server.asya-system.svc:6444";
  const auto plain = ActorComposer(settings).Compose(Input(R"({"image":"a","handler":"m.f"})"));
  EXPECT_EQ(Everything(plain).find("asya-gateway"), std::string::npos) << "no CA, nothing to be given";
  settings.gateway_ca_pem = "PEM";
  const auto set = ActorComposer(settings).Compose(Input(R"({"image":"a","handler":"m.f"})"));
  ASSERT_TRUE(set.ok());
  const json::Value& pod = *FindObject(set->objects, "Deployment")->FindPath({"spec", "template", "spec"});
  const json::Array& volumes = pod.Find("volumes")->AsArray();
  const auto volume = std::find_if(volumes.begin(), volumes.end(),
                                   [](const auto& one) { return one.GetString("name") == "asya-gateway"; });
  ASSERT_NE(volume, volumes.end());
  EXPECT_EQ(json::Dump(*volume->FindPath({"projected", "sources"})),
            R"([{"serviceAccountToken":{"audience":"asya-gateway","expirationSeconds":3600,"path":"token"}},)"
            R"({"configMap":{"name":"infer-gateway"}}])");
  const std::string relay = json::Dump(pod.Find("initContainers")->AsArray().at(0));
  EXPECT_NE(relay.find(R"({"name":"ASYA_GATEWAY_TOKEN_FILE","value":"/var/run/asya-gateway/token"})"),
            std::string::npos);
  EXPECT_EQ(json::Dump(*pod.Find("containers")).find("asya-gateway"), std::string::npos) << "it is not the handler's";
  const auto is_map = [](const auto& one) {
    return one.FindPath({"metadata", "name"})->AsString() == "infer-gateway" && one.GetString("kind") == "ConfigMap";
  };
  const auto map = std::find_if(set->objects.begin(), set->objects.end(), is_map);
  ASSERT_NE(map, set->objects.end());
  EXPECT_EQ(json::Dump(*map->Find("data")), R"({"ca.crt":"PEM"})");
}

TEST(Compose, FillsTheEffectiveSpec) {
  const auto set =
      ActorComposer(Settings())
          .Compose(
              Input(R"({"image":"a","handler":"m.f","resiliency":{"policies":{"default":{"initialInterval":"2s"}}}})"));
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(json::Dump(*set->effective_spec.Find("resiliency")),
            R"({"actorTimeout":"5m","policies":{"default":{"backoff":"exponential","initialDelay":"2s","jitter":true,)"
            R"("maxAttempts":3,"maxInterval":"300s"}}})");
  EXPECT_EQ(json::Dump(*set->effective_spec.Find("scaling")),
            R"({"cooldownPeriod":300,"enabled":true,"maxReplicaCount":10,"minReplicaCount":0,"mode":"managed",)"
            R"("pollingInterval":30,"queueLength":5})");
  EXPECT_EQ(set->effective_spec.Find("replicas"), nullptr);
  EXPECT_TRUE(model::ValidateEffectiveSpec(set->effective_spec).empty());
}

TEST(Compose, RefusesWithTheField) {
  const ActorComposer composer{Settings()};
  const auto incomplete = composer.Compose(Input(R"({"handler":"m.f"})"));
  ASSERT_FALSE(incomplete.ok());
  EXPECT_EQ(incomplete.error().field, "spec.image");
  const auto missing = composer.Compose(Input(R"({"flavors":["gone"],"handler":"m.f"})"));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("\"gone\""), std::string::npos);
  Settings serving;
  serving.serves_state = true;
  const auto connector = ActorComposer(serving).Compose(Input(
      R"({"image":"a","handler":"m.f","stateProxy":[{"name":"s","mount":{"path":"/s"},"connector":{"type":"s3"}}]})"));
  ASSERT_FALSE(connector.ok());
  EXPECT_EQ(connector.error().field, "spec.stateProxy[0].connector.type");
  auto long_name = Input(R"({"image":"a","handler":"m.f"})");
  long_name.actor["metadata"]["namespace"] = std::string(63, 'n');
  long_name.actor["metadata"]["name"] = std::string(50, 'a');
  long_name.transport = Json(R"({"metadata":{"name":"aws"},"spec":{"type":"sqs","sqs":{"region":"r"}}})");
  EXPECT_FALSE(composer.Compose(long_name).ok());
}

// Its pods would die at the start, one after another.
TEST(Compose, MakesNothingOfAnActorWhoseStateNobodyServes) {
  const ActorComposer composer{Settings()};
  const auto refused = composer.Compose(Input(
      R"({"image":"a","handler":"m.f","stateProxy":[{"name":"s","mount":{"path":"/s"},"connector":{"image":"c"}}]})"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(refused.error().field, "spec.stateProxy");
  EXPECT_NE(refused.error().message.find("spec.volumeMounts"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(composer.Compose(Input(R"({"image":"a","handler":"m.f","stateProxy":[]})")).ok());
}

// A random subset of fields with valid values.
json::Object RandomSpec() {
  static const std::vector<std::pair<std::string, std::string>> fields = {
      {"concurrency", "4"},
      {"paused", "true"},
      {"env", R"([{"name":"A","value":"1"}])"},
      {"nodeSelector", R"({"a":"b","c":"d"})"},
      {"scaling", R"({"maxReplicaCount":3,"queueLength":1})"},
      {"serviceAccountName", "\"account\""},
      {"podLabels", R"({"x":"y"})"},
      {"resiliency", R"({"actorTimeout":"90s","policies":{"b":{},"a":{"maxAttempts":9}}})"},
      {"tracing", R"({"endpoint":"http://o"})"},
      {"resources", R"({"limits":{"cpu":1,"memory":"1Gi"}})"},
      {"sidecar", R"({"env":[{"name":"ASYA_LOG_LEVEL","value":"DEBUG"}]})"}};
  json::Object spec = {{"image", "a:1"}, {"handler", "m.f"}};
  for (const auto& [name, value] : fields) {
    if (*rc::gen::arbitrary<bool>()) spec[name] = *json::Parse(value);
  }
  return spec;
}

std::string Shuffled(const json::Value& value);

// The same object with its members written in another order.
std::string ShuffledObject(const json::Object& object) {
  std::vector<std::string> members;
  for (const auto& [key, member] : object) members.push_back(json::Quote(key) + ":" + Shuffled(member));
  for (std::size_t i = members.size(); i > 1; --i)
    std::swap(members[i - 1], members[*rc::gen::inRange<std::size_t>(0, i)]);
  std::string text = "{";
  for (std::size_t i = 0; i < members.size(); ++i) text += (i == 0 ? "" : ",") + members[i];
  return text + "}";
}

std::string Shuffled(const json::Value& value) {
  if (value.IsObject()) return ShuffledObject(value.AsObject());
  if (!value.IsArray()) return json::Dump(value);
  std::string text = "[";
  for (const json::Value& item : value.AsArray()) text += (text.size() == 1 ? "" : ",") + Shuffled(item);
  return text + "]";
}

RC_GTEST_PROP(Compose, IsDeterministicAndBlindToTheOrderOfMembers, ()) {
  auto input = Input("{}");
  input.actor["spec"] = RandomSpec();
  const ActorComposer composer{Settings()};
  const auto first = composer.Compose(input);
  RC_ASSERT(first.ok());
  RC_ASSERT(Everything(composer.Compose(input)) == Everything(first));
  auto shuffled = input;
  shuffled.actor = *json::Parse(Shuffled(input.actor));
  RC_ASSERT(Everything(composer.Compose(shuffled)) == Everything(first));
}

RC_GTEST_PROP(Compose, AFlavorCountsAsIfTheActorHadSaidIt, ()) {
  const json::Object spec = RandomSpec();
  json::Object own;
  json::Object flavored;
  for (const auto& [key, value] : spec) (*rc::gen::arbitrary<bool>() ? own : flavored)[key] = value;
  auto whole = Input("{}");
  whole.actor["spec"] = spec;
  auto split = Input("{}");
  own["flavors"] = json::Array{"f"};
  split.actor["spec"] = own;
  split.flavors = {json::Object{{"metadata", json::Object{{"name", "f"}}}, {"spec", flavored}}};
  const ActorComposer composer{Settings()};
  RC_ASSERT(Everything(composer.Compose(split)) == Everything(composer.Compose(whole)));
}

RC_GTEST_PROP(Defaults, AreWholeAfterOneTurn, ()) {
  const json::Value once = ApplyDefaults(RandomSpec());
  RC_ASSERT(ApplyDefaults(once) == once);
}

}  // namespace
}  // namespace asya::compositions
