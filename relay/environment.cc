#include "relay/environment.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "relay/handler_metrics.h"

namespace asya::relay {
namespace {

constexpr std::int64_t kConcurrencyLimit = 1024;

class Reader {
 public:
  Reader(const Lookup& lookup, std::vector<std::string>& problems) : lookup_(lookup), problems_(problems) {}

  // Unset and empty mean the same: a manifest cannot always leave a variable out.
  std::string Text(const std::string& name, const std::string& fallback = "") {
    const auto value = lookup_(name);
    return value && !value->empty() ? *value : fallback;
  }

  std::string Required(const std::string& name, const std::string& accepted) {
    const std::string value = Text(name);
    if (value.empty()) problems_.push_back(name + " is not set; " + accepted + " is required");
    return value;
  }

  void Refuse(const std::string& name, const std::string& value, const std::string& accepted) {
    problems_.push_back(name + ": got \"" + value + "\"; " + accepted);
  }

  void Integer(const std::string& name, std::int64_t low, std::int64_t high, std::int64_t& target) {
    const std::string text = Text(name);
    if (text.empty()) return;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
      Refuse(name, text, "an integer from " + std::to_string(low) + " to " + std::to_string(high) + " is accepted");
      return;
    }
    target = value;
  }

  void Duration(const std::string& name, std::chrono::microseconds& target) {
    const std::string text = Text(name);
    if (text.empty()) return;
    const auto value = ParseGoDuration(text);
    if (!value || value->count() == 0) {
      Refuse(name, text, "a duration over 0 such as \"600s\" or \"5m\" is accepted");
      return;
    }
    target = *value;
  }

  void Flag(const std::string& name, bool& target) {
    const std::string text = Text(name);
    if (text.empty()) return;
    if (text == "true" || text == "1") {
      target = true;
    } else if (text == "false" || text == "0") {
      target = false;
    } else {
      Refuse(name, text, "true and false are accepted");
    }
  }

  void Choice(const std::string& name, const std::vector<std::string>& choices, std::string& target) {
    const std::string text = Text(name, target);
    if (std::find(choices.begin(), choices.end(), text) != choices.end()) {
      target = text;
      return;
    }
    std::string accepted;
    for (const std::string& choice : choices) accepted += (accepted.empty() ? "" : ", ") + choice;
    Refuse(name, text, "one of " + accepted + " is accepted");
  }

  // Values of JSON settings may hold no secrets, but are long: the problem names the place inside.
  void Inside(const std::string& name, const std::vector<Error>& errors) {
    for (const Error& error : errors) {
      problems_.push_back(name + (error.field.empty() ? "" : " at " + error.field) + ": " + error.message);
    }
  }

 private:
  const Lookup& lookup_;
  std::vector<std::string>& problems_;
};

void ReadResiliency(Reader& reader, Settings& settings) {
  std::vector<Error> errors;
  settings.resiliency.policies = ParsePolicies(reader.Text("ASYA_RESILIENCY_POLICIES"), errors);
  reader.Inside("ASYA_RESILIENCY_POLICIES", errors);
  errors.clear();
  settings.resiliency.rules = ParseRules(reader.Text("ASYA_RESILIENCY_RULES"), errors);
  for (std::size_t i = 0; i < settings.resiliency.rules.size(); ++i) {
    const std::string& policy = settings.resiliency.rules[i].policy;
    if (!policy.empty() && settings.resiliency.policies.count(policy) == 0) {
      const std::string field = "[" + std::to_string(i) + "].policy";
      errors.push_back(Invalid(field, "got \"" + policy + "\"; the name of a policy is accepted"));
    }
  }
  reader.Inside("ASYA_RESILIENCY_RULES", errors);
  reader.Duration("ASYA_RESILIENCY_ACTOR_TIMEOUT", settings.actor_timeout);
}

void ReadEndpoint(Reader& reader, const Lookup& lookup, Settings& settings) {
  const std::string text = reader.Text("ASYA_ENDPOINT");
  if (text.empty()) return;
  std::vector<Error> errors;
  settings.endpoint = ParseEndpoint(text, reader.Text("ASYA_ENDPOINT_ALLOW"), lookup, errors);
  reader.Inside("ASYA_ENDPOINT", errors);
}

void ReadEndRules(Reader& reader, Settings& settings) {
  bool ends_here = false;
  reader.Flag("ASYA_END_IN_RELAY", ends_here);
  if (!ends_here) return;
  if (!settings.is_end_actor) reader.Refuse("ASYA_END_IN_RELAY", "true", "only an end actor can be without a runtime");
  EndRules& rules = settings.end_rules.emplace();
  rules.is_sump = settings.actor == settings.sump;
  if (rules.is_sump && reader.Text("ASYA_GATEWAY_URL").empty()) {
    reader.Refuse("ASYA_END_IN_RELAY", "true",
                  "at " + settings.sump + " true is accepted with an ASYA_GATEWAY_URL alone, which keeps dead letters");
  }
  rules.sump = settings.sump;
  rules.hooks = ParseHooks(reader.Text("ASYA_SINK_HOOKS"));
  reader.Flag("ASYA_SINK_FANOUT_HOOKS", rules.hooks_for_children);
}

void ReadGateway(Reader& reader, Settings& settings) {
  const std::string url = reader.Text("ASYA_GATEWAY_URL");
  if (url.empty()) return;
  auto peer = ParsePeer(url);
  if (!peer.ok()) return reader.Inside("ASYA_GATEWAY_URL", {peer.error()});
  peer->ca_file = reader.Text("ASYA_GATEWAY_CA_FILE");
  peer->token_file = reader.Text("ASYA_GATEWAY_TOKEN_FILE");
  if (!peer->tls && !peer->token_file.empty()) {
    reader.Refuse("ASYA_GATEWAY_TOKEN_FILE", peer->token_file, "a token is shown to an https gateway alone");
  }
  settings.gateway = std::move(*peer);
}

void ReadAddresses(Reader& reader, Settings& settings) {
  ReadGateway(reader, settings);
  if (const std::string text = reader.Text("ASYA_METRICS_ADDR"); !text.empty()) {
    const auto address = ParseAddress(text);
    if (address.ok()) {
      settings.metrics = *address;
    } else {
      reader.Inside("ASYA_METRICS_ADDR", {address.error()});
    }
  }
  // The longest of the sockets there has to fit into the system's limit.
  const auto socket = ParseAddress("unix:" + settings.socket_dir + "/asya-runtime-health.sock");
  if (!socket.ok()) reader.Inside("ASYA_SOCKET_DIR", {socket.error()});
}

void ReadRabbitmq(Reader& reader, Settings& settings) {
  constexpr std::int64_t kPortLimit = 65'535;
  constexpr std::int64_t kPrefetchLimit = 65'535;
  settings.rabbitmq_url = reader.Text("ASYA_RABBITMQ_URL");
  settings.rabbitmq_host = reader.Text("ASYA_RABBITMQ_HOST");
  std::int64_t port = 0;
  reader.Integer("ASYA_RABBITMQ_PORT", 1, kPortLimit, port);
  if (port > 0) settings.rabbitmq_port = std::to_string(port);
  settings.rabbitmq_username = reader.Text("ASYA_RABBITMQ_USERNAME");
  settings.rabbitmq_password = reader.Text("ASYA_RABBITMQ_PASSWORD");
  settings.rabbitmq_virtual_host = reader.Text("ASYA_RABBITMQ_VIRTUAL_HOST");
  settings.rabbitmq_exchange = reader.Text("ASYA_RABBITMQ_EXCHANGE");
  settings.rabbitmq_ca_file = reader.Text("ASYA_RABBITMQ_CA_FILE");
  reader.Flag("ASYA_RABBITMQ_TLS", settings.rabbitmq_tls);
  reader.Integer("ASYA_RABBITMQ_PREFETCH", 1, kPrefetchLimit, settings.rabbitmq_prefetch);
  if (settings.transport == "rabbitmq" && settings.rabbitmq_url.empty()) {
    reader.Required("ASYA_RABBITMQ_HOST", "the host of the broker, or its URL in ASYA_RABBITMQ_URL,");
  }
}

void ReadSqs(Reader& reader, Settings& settings) {
  constexpr std::int64_t kWaitMost = 20;
  constexpr std::int64_t kVisibilityLeast = 3;
  constexpr std::int64_t kVisibilityMost = 43'200;
  constexpr std::int64_t kBytesLeast = 4096;
  constexpr std::int64_t kBytesMost = 1'048'576;
  settings.sqs_endpoint = reader.Text("ASYA_SQS_ENDPOINT");
  settings.sqs_region = reader.Text("ASYA_AWS_REGION", reader.Text("AWS_REGION", reader.Text("AWS_DEFAULT_REGION")));
  settings.sqs_account = reader.Text("ASYA_SQS_ACCOUNT_ID");
  settings.sqs_ca_file = reader.Text("ASYA_SQS_CA_FILE");
  reader.Integer("ASYA_SQS_WAIT_TIME_SECONDS", 0, kWaitMost, settings.sqs_wait_s);
  reader.Integer("ASYA_SQS_VISIBILITY_TIMEOUT", kVisibilityLeast, kVisibilityMost, settings.sqs_visibility_s);
  reader.Integer("ASYA_SQS_MESSAGE_BYTES", kBytesLeast, kBytesMost, settings.sqs_message_bytes);
  if (settings.transport == "sqs" && settings.sqs_region.empty()) {
    reader.Required("ASYA_AWS_REGION", "the AWS region of the queues");
  }
}

// The names without ASYA_ are those of Google's own clients.
void ReadPubsub(Reader& reader, Settings& settings) {
  settings.pubsub_project = reader.Text("ASYA_PUBSUB_PROJECT_ID");
  settings.pubsub_endpoint = reader.Text("ASYA_PUBSUB_ENDPOINT", reader.Text("PUBSUB_EMULATOR_HOST"));
  settings.pubsub_metadata_host = reader.Text("GCE_METADATA_HOST");
  settings.pubsub_credentials_file = reader.Text("GOOGLE_APPLICATION_CREDENTIALS");
  if (settings.transport == "pubsub") reader.Required("ASYA_PUBSUB_PROJECT_ID", "the Google Cloud project");
}

// Names that other programs read too: what does not fit here must not keep a relay from its work.
void ReadTracing(Reader& reader, Settings& settings) {
  const std::string url = reader.Text("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (url.empty()) return;
  const auto address = ParseUrl(url);
  const std::string protocol = reader.Text("OTEL_EXPORTER_OTLP_PROTOCOL", "http");
  if (protocol != "http" && protocol != "http/json" && protocol != "http/protobuf") {
    settings.tracing_problem = "OTEL_EXPORTER_OTLP_PROTOCOL is " + protocol + "; http is spoken here";
  } else if (!address.ok()) {
    settings.tracing_problem = "OTEL_EXPORTER_OTLP_ENDPOINT: " + address.error().message;
  } else {
    settings.collector = *address;
  }
}

void ReadTransport(Reader& reader, Settings& settings) {
  reader.Choice("ASYA_TRANSPORT", {"sqlite", "postgres", "rabbitmq", "sqs", "pubsub"}, settings.transport);
  settings.sqlite_path = reader.Text("ASYA_SQLITE_PATH");
  settings.postgres_url = reader.Text("ASYA_POSTGRES_URL");
  if (settings.transport == "sqlite") reader.Required("ASYA_SQLITE_PATH", "the path of the broker's Unix socket");
  if (settings.transport == "postgres") reader.Required("ASYA_POSTGRES_URL", "the URL of the database");
  ReadRabbitmq(reader, settings);
  ReadSqs(reader, settings);
  ReadPubsub(reader, settings);
}

}  // namespace

Settings ReadEnvironment(const Lookup& lookup, std::vector<std::string>& problems) {
  Reader reader(lookup, problems);
  Settings settings;
  settings.actor = reader.Required("ASYA_ACTOR_NAME", "the name of the actor");
  settings.namespace_ = reader.Required("ASYA_NAMESPACE", "the namespace of the actor");
  settings.socket_dir = reader.Text("ASYA_SOCKET_DIR", settings.socket_dir);
  settings.sink = reader.Text("ASYA_ACTOR_SINK", settings.sink);
  settings.sump = reader.Text("ASYA_ACTOR_SUMP", settings.sump);
  reader.Flag("ASYA_IS_END_ACTOR", settings.is_end_actor);
  reader.Integer("ASYA_CONCURRENCY", 1, kConcurrencyLimit, settings.concurrency);
  ReadResiliency(reader, settings);
  ReadEndpoint(reader, lookup, settings);
  ReadEndRules(reader, settings);
  ReadAddresses(reader, settings);
  ReadTracing(reader, settings);
  ReadTransport(reader, settings);
  reader.Duration("ASYA_RUNTIME_READY_TIMEOUT", settings.runtime_ready_timeout);
  settings.metrics_namespace = reader.Text("ASYA_METRICS_NAMESPACE", settings.metrics_namespace);
  settings.custom_metrics = reader.Text("ASYA_CUSTOM_METRICS");
  std::vector<Error> errors;
  (void)ParseMetricDeclarations(settings.custom_metrics, errors);
  reader.Inside("ASYA_CUSTOM_METRICS", errors);
  reader.Choice("ASYA_LOG_LEVEL", {"DEBUG", "INFO", "WARNING", "ERROR"}, settings.log_level);
  settings.notify_socket = reader.Text("NOTIFY_SOCKET");
  if (!reader.Text("ASYA_CONTROL_FD").empty()) {
    std::int64_t descriptor = -1;
    reader.Integer("ASYA_CONTROL_FD", 0, 1'000'000, descriptor);
    if (descriptor >= 0) settings.control_fd = static_cast<int>(descriptor);
  }
  return settings;
}

Lookup ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

}  // namespace asya::relay
