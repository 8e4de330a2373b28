#include "relay/environment.h"

#include <gtest/gtest.h>

#include <map>

namespace asya::relay {
namespace {

using Variables = std::map<std::string, std::string>;

Settings Read(const Variables& variables, std::vector<std::string>& problems) {
  return ReadEnvironment(
      [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
      },
      problems);
}

const Variables kLeast = {
    {"ASYA_ACTOR_NAME", "infer"}, {"ASYA_NAMESPACE", "default"}, {"ASYA_SQLITE_PATH", "/tmp/queue.sock"}};

TEST(Environment, TheDefaultsAreThoseOfTheSpecification) {
  std::vector<std::string> problems;
  const Settings settings = Read(kLeast, problems);
  EXPECT_EQ(problems, std::vector<std::string>());
  EXPECT_EQ(settings.actor_timeout, std::chrono::minutes(5));
  EXPECT_EQ(settings.concurrency, 1);
  EXPECT_EQ(settings.sink, "x-sink");
  EXPECT_EQ(settings.metrics.port, "8080");
  EXPECT_EQ(settings.metrics_namespace, "asya_actor");
  EXPECT_FALSE(settings.gateway.has_value());
}

TEST(Environment, AnEndpointIsReadWithItsVariables) {
  Variables variables = kLeast;
  variables["ASYA_ENDPOINT"] = R"--({"url":"http://h/v1","protocol":"openai","headers":{"A":"Bearer $(KEY)"}})--";
  variables["ASYA_ENDPOINT_ALLOW"] = "loopback";
  std::vector<std::string> problems;
  (void)Read(variables, problems);
  EXPECT_EQ(problems,
            (std::vector<std::string>{
                "ASYA_ENDPOINT at headers[A]: the variable KEY is not set; secretRefs and env set variables"}));
  problems.clear();
  variables["KEY"] = "sk-1";
  const Settings settings = Read(variables, problems);
  EXPECT_EQ(problems, std::vector<std::string>());
  ASSERT_TRUE(settings.endpoint.has_value());
  EXPECT_EQ(settings.endpoint->headers.front().second, "Bearer sk-1");
  EXPECT_TRUE(settings.endpoint->reach.loopback);
}

TEST(Environment, OnlyAnEndCanDoWithoutARuntime) {
  Variables variables = kLeast;
  variables["ASYA_END_IN_RELAY"] = "true";
  std::vector<std::string> problems;
  (void)Read(variables, problems);
  EXPECT_EQ(problems,
            (std::vector<std::string>{"ASYA_END_IN_RELAY: got \"true\"; only an end actor can be without a runtime"}));
  variables["ASYA_IS_END_ACTOR"] = "true";
  variables["ASYA_SINK_HOOKS"] = " notify, ,audit,";
  problems.clear();
  const Settings sink = Read(variables, problems);
  EXPECT_EQ(problems, std::vector<std::string>());
  ASSERT_TRUE(sink.end_rules.has_value());
  EXPECT_EQ(sink.end_rules->hooks, (std::vector<std::string>{"notify", "audit"}));
  EXPECT_FALSE(sink.end_rules->hooks_for_children);
  EXPECT_FALSE(sink.end_rules->is_sump);
  variables["ASYA_ACTOR_NAME"] = "x-sump";
  (void)Read(variables, problems);
  EXPECT_EQ(problems, (std::vector<std::string>{"ASYA_END_IN_RELAY: got \"true\"; at x-sump true is accepted with an "
                                                "ASYA_GATEWAY_URL alone, which keeps dead letters"}));
  problems.clear();
  variables["ASYA_GATEWAY_URL"] = "http://gateway.asya:8081";
  EXPECT_TRUE(Read(variables, problems).end_rules->is_sump);
  EXPECT_EQ(problems, std::vector<std::string>());
  EXPECT_FALSE(Read(kLeast, problems).end_rules.has_value());
}

TEST(Environment, RabbitmqNeedsAHostOrAUrlAndReadsItsParts) {
  Variables variables = {{"ASYA_ACTOR_NAME", "infer"}, {"ASYA_NAMESPACE", "default"}, {"ASYA_TRANSPORT", "rabbitmq"}};
  std::vector<std::string> problems;
  (void)Read(variables, problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("ASYA_RABBITMQ_HOST"), std::string::npos);
  variables.insert({{"ASYA_RABBITMQ_HOST", "broker"},
                    {"ASYA_RABBITMQ_PORT", "5999"},
                    {"ASYA_RABBITMQ_PREFETCH", "32"},
                    {"ASYA_RABBITMQ_TLS", "true"},
                    {"ASYA_RABBITMQ_VIRTUAL_HOST", "/"}});
  problems.clear();
  const Settings settings = Read(variables, problems);
  EXPECT_EQ(problems, std::vector<std::string>());
  EXPECT_EQ(settings.rabbitmq_port, "5999");
  EXPECT_EQ(settings.rabbitmq_prefetch, 32);
  EXPECT_TRUE(settings.rabbitmq_tls);
  variables["ASYA_RABBITMQ_PORT"] = "70000";
  variables["ASYA_RABBITMQ_PREFETCH"] = "0";
  (void)Read(variables, problems);
  EXPECT_EQ(problems.size(), 2U);
}

TEST(Environment, SqsNeedsARegionAndReadsItsLimits) {
  Variables variables = {{"ASYA_ACTOR_NAME", "infer"}, {"ASYA_NAMESPACE", "default"}, {"ASYA_TRANSPORT", "sqs"}};
  std::vector<std::string> problems;
  (void)Read(variables, problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("ASYA_AWS_REGION"), std::string::npos);
  variables.insert({{"AWS_REGION", "eu-west-1"}, {"ASYA_SQS_MESSAGE_BYTES", "1048576"}});
  problems.clear();
  const Settings settings = Read(variables, problems);
  EXPECT_EQ(problems, std::vector<std::string>());
  EXPECT_EQ(settings.sqs_region, "eu-west-1");
  EXPECT_EQ(settings.sqs_message_bytes, 1'048'576);
  EXPECT_EQ(settings.sqs_wait_s, 20);
  variables.insert({{"ASYA_SQS_WAIT_TIME_SECONDS", "21"}, {"ASYA_SQS_VISIBILITY_TIMEOUT", "0"}});
  (void)Read(variables, problems);
  EXPECT_EQ(problems.size(), 2U);
}

TEST(Environment, EverythingIsRead) {
  Variables variables = kLeast;
  variables["ASYA_GATEWAY_URL"] = "http://gateway.asya:8081";
  variables["ASYA_METRICS_ADDR"] = "unix:/tmp/m.sock";
  variables["ASYA_CONCURRENCY"] = "16";
  variables["ASYA_IS_END_ACTOR"] = "true";
  variables["ASYA_RESILIENCY_ACTOR_TIMEOUT"] = "600s";
  variables["ASYA_RESILIENCY_POLICIES"] =
      R"({"default":{"maxAttempts":5,"backoff":"linear","initialInterval":"2s","maxInterval":"120s","maxDuration":)"
      R"("1h","jitter":false,"onExhausted":["rescue"]}})";
  variables["ASYA_RESILIENCY_RULES"] = R"([{"errors":["ValueError"],"policy":"default"}])";
  variables["ASYA_CONTROL_FD"] = "7";
  std::vector<std::string> problems;
  const Settings settings = Read(variables, problems);
  EXPECT_EQ(problems, std::vector<std::string>());
  EXPECT_EQ(settings.gateway->address.host, "gateway.asya");
  EXPECT_EQ(settings.metrics.path, "/tmp/m.sock");
  EXPECT_EQ(settings.concurrency, 16);
  EXPECT_TRUE(settings.is_end_actor);
  const Policy& policy = settings.resiliency.policies.at("default");
  EXPECT_EQ(policy.max_attempts, 5);
  EXPECT_EQ(policy.backoff, Backoff::kLinear);
  EXPECT_EQ(policy.initial_delay, std::chrono::seconds(2));
  EXPECT_EQ(policy.max_duration, std::chrono::hours(1));
  EXPECT_FALSE(policy.jitter);
  EXPECT_EQ(settings.resiliency.rules.at(0).policy, "default");
  EXPECT_EQ(settings.control_fd, 7);
}

TEST(Environment, AGatewayByHttpsIsGivenItsFiles) {
  Variables variables = kLeast;
  variables["ASYA_GATEWAY_URL"] = "https://asya-server.asya-system.svc:6444";
  variables["ASYA_GATEWAY_CA_FILE"] = "/run/ca.crt";
  variables["ASYA_GATEWAY_TOKEN_FILE"] = "/run/token";
  std::vector<std::string> problems;
  const Settings settings = Read(variables, problems);
  EXPECT_EQ(problems, std::vector<std::string>());
  EXPECT_TRUE(settings.gateway->tls);
  EXPECT_EQ(settings.gateway->address.port, "6444");
  EXPECT_EQ(settings.gateway->ca_file, "/run/ca.crt");
  EXPECT_EQ(settings.gateway->token_file, "/run/token");
  variables["ASYA_GATEWAY_URL"] = "http://asya-server:6444";
  (void)Read(variables, problems);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems[0].find("a token is shown to an https gateway alone"), std::string::npos);
}

TEST(Environment, EveryMistakeIsReportedAtOnceWithWhatIsAccepted) {
  std::vector<std::string> problems;
  (void)Read({{"ASYA_TRANSPORT", "carrier-pigeon"},
              {"ASYA_CONCURRENCY", "many"},
              {"ASYA_IS_END_ACTOR", "perhaps"},
              {"ASYA_RESILIENCY_ACTOR_TIMEOUT", "soon"},
              {"ASYA_GATEWAY_URL", "ftp://gateway"},
              {"ASYA_METRICS_ADDR", "8080"},
              {"ASYA_SOCKET_DIR", "/" + std::string(120, 'd')},
              {"ASYA_RESILIENCY_POLICIES", R"({"p":{"maxAttempts":0,"backoff":"random","extra":1,"initialDelay":3}})"},
              {"ASYA_RESILIENCY_RULES", R"([{"errors":["A"],"policy":"missing"},{"errors":"A"}])"},
              {"ASYA_CUSTOM_METRICS", R"([{"name":"a b","type":"counter"}])"}},
             problems);
  std::string all;
  for (const std::string& problem : problems) all += problem + "\n";
  for (const char* part :
       {"ASYA_ACTOR_NAME is not set", "ASYA_NAMESPACE is not set", "\"carrier-pigeon\"; one of sqlite, postgres",
        "ASYA_CONCURRENCY: got \"many\"; an integer from 1", "ASYA_IS_END_ACTOR: got \"perhaps\"; true and false",
        "ASYA_RESILIENCY_ACTOR_TIMEOUT: got \"soon\"", "ASYA_GATEWAY_URL: got \"ftp://gateway\"",
        "ASYA_METRICS_ADDR: got \"8080\"", "ASYA_SOCKET_DIR: ", "p.maxAttempts: got 0", "p.backoff: got \"random\"",
        "p.extra: got 1; unknown", "p.initialDelay: got 3", "[0].policy: got \"missing\"; the name of a policy",
        "ASYA_RESILIENCY_RULES at [1]", "ASYA_CUSTOM_METRICS at [0].name"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part << "\n" << all;
  }
}

// The names are those of OpenTelemetry, and the environment may be meant for the handler.
TEST(Environment, ACollectorThatCannotBeSpokenToIsNoMistake) {
  const auto with = [](const std::string& endpoint, const std::string& protocol) {
    Variables variables = kLeast;
    variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint;
    variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol;
    std::vector<std::string> problems;
    const Settings settings = Read(variables, problems);
    EXPECT_EQ(problems, std::vector<std::string>());
    return settings;
  };
  EXPECT_EQ(with("http://otel:4318", "").collector->port, "4318");
  EXPECT_EQ(with("http://otel:4318", "http/protobuf").tracing_problem, "");
  EXPECT_FALSE(with("http://otel:4317", "grpc").collector);
  EXPECT_NE(with("http://otel:4317", "grpc").tracing_problem.find("http is spoken"), std::string::npos);
  EXPECT_NE(with("http://otel:4318", "carrier-pigeon").tracing_problem.find("carrier-pigeon"), std::string::npos);
  EXPECT_FALSE(with("https://otel:4318", "http").collector);
  EXPECT_NE(with("https://otel:4318", "http").tracing_problem.find("got \"https://otel:4318\""), std::string::npos);
  EXPECT_EQ(with("", "grpc").tracing_problem, "");
}

TEST(Environment, EmptyMeansUnset) {
  Variables variables = kLeast;
  for (const char* name : {"ASYA_CONCURRENCY", "ASYA_GATEWAY_URL", "ASYA_TRANSPORT", "ASYA_RESILIENCY_POLICIES"}) {
    variables[name] = "";
  }
  std::vector<std::string> problems;
  (void)Read(variables, problems);
  EXPECT_EQ(problems, std::vector<std::string>());
}

TEST(Address, ARefusedUrlIsToldWithoutItsUser) {
  for (const char* url : {"http://user:secret@host:1", "user:secret@host", "http://host/secret@x"}) {
    const auto parsed = ParseUrl(url);
    ASSERT_FALSE(parsed.ok()) << url;
    EXPECT_EQ(parsed.error().message.find("secret"), std::string::npos) << parsed.error().message;
  }
}

TEST(Address, UrlsWithPathsUsersOrOtherSchemesAreRefused) {
  for (const char* url : {"", "ftp://a", "http://", "http://a/b", "http://user@a", "http://a:99999", "a:80", "unix:"}) {
    EXPECT_FALSE(ParseUrl(url).ok()) << url;
  }
  EXPECT_EQ(ParseUrl("http://gateway/")->port, "80");
  EXPECT_EQ(ParseUrl("unix:/a/b")->path, "/a/b");
  EXPECT_EQ(ParseAddress("[::1]:80")->host, "::1");
}

}  // namespace
}  // namespace asya::relay
