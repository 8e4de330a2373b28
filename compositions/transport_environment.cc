#include "compositions/steps.h"
#include "ports/credentials.h"
#include "ports/field_text.h"
#include "ports/postgres_queues.h"

namespace asya::compositions {
namespace {

using ports::FieldText;

json::Value FromSecret(std::string name, const std::string& secret, const char* key) {
  json::Object reference = {{"name", secret}, {"key", key}};
  return json::Object{{"name", std::move(name)}, {"valueFrom", json::Object{{"secretKeyRef", std::move(reference)}}}};
}

void AddText(json::Array& environment, const char* name, const std::string& value) {
  if (!value.empty()) environment.push_back(EnvironmentValue(name, value));
}

void AddRabbitmq(const Context& context, json::Array& environment) {
  const json::Value& block = context.transport_block;
  AddText(environment, "ASYA_RABBITMQ_HOST", FieldText(block, "host"));
  AddText(environment, "ASYA_RABBITMQ_PORT", FieldText(block, "port"));
  AddText(environment, "ASYA_RABBITMQ_VIRTUAL_HOST", FieldText(block, "virtualHost"));
  AddText(environment, "ASYA_RABBITMQ_EXCHANGE", FieldText(block, "exchange"));
  AddText(environment, "ASYA_RABBITMQ_PREFETCH", FieldText(block, "prefetch"));
  AddText(environment, "ASYA_RABBITMQ_TLS", FieldText(block, "tls"));
  const std::string secret = CredentialsSecretName(context);
  if (secret.empty()) return;
  environment.push_back(FromSecret("ASYA_RABBITMQ_USERNAME", secret, "username"));
  environment.push_back(FromSecret("ASYA_RABBITMQ_PASSWORD", secret, "password"));
}

void AddSqs(const Context& context, json::Array& environment) {
  const json::Value& block = context.transport_block;
  AddText(environment, "ASYA_AWS_REGION", FieldText(block, "region"));
  AddText(environment, "ASYA_SQS_ENDPOINT", FieldText(block, "endpoint"));
  AddText(environment, "ASYA_SQS_ACCOUNT_ID", FieldText(block, "accountId"));
  AddText(environment, "ASYA_SQS_MESSAGE_BYTES", FieldText(block, "maximumMessageBytes"));
  AddText(environment, "ASYA_SQS_WAIT_TIME_SECONDS", FieldText(block, "waitTimeSeconds"));
  AddText(environment, "ASYA_SQS_VISIBILITY_TIMEOUT", FieldText(block, "visibilityTimeout"));
  const std::string secret = CredentialsSecretName(context);
  if (secret.empty()) return;
  environment.push_back(FromSecret("AWS_ACCESS_KEY_ID", secret, "AWS_ACCESS_KEY_ID"));
  environment.push_back(FromSecret("AWS_SECRET_ACCESS_KEY", secret, "AWS_SECRET_ACCESS_KEY"));
}

}  // namespace

std::string CredentialsSecretName(const Context& context) {
  if (context.transport_block.Find("credentialsSecretRef") == nullptr) return {};
  return ports::PodCredentialsName(context.transport);
}

json::Array TransportEnvironment(const Context& context) {
  json::Array environment = {EnvironmentValue("ASYA_TRANSPORT", context.transport_type)};
  const json::Value& block = context.transport_block;
  const std::string secret = CredentialsSecretName(context);
  if (context.transport_type == "sqlite") {
    AddText(environment, "ASYA_SQLITE_PATH", context.settings.sqlite_socket);
  } else if (context.transport_type == "postgres") {
    environment.push_back(secret.empty() ? EnvironmentValue("ASYA_POSTGRES_URL", ports::PostgresUrl(block))
                                         : FromSecret("ASYA_POSTGRES_URL", secret, "url"));
  } else if (context.transport_type == "rabbitmq") {
    AddRabbitmq(context, environment);
  } else if (context.transport_type == "sqs") {
    AddSqs(context, environment);
  } else if (context.transport_type == "pubsub") {
    AddText(environment, "ASYA_PUBSUB_PROJECT_ID", FieldText(block, "projectId"));
    AddText(environment, "ASYA_PUBSUB_ENDPOINT", FieldText(block, "endpoint"));
    if (!secret.empty()) {
      environment.push_back(
          EnvironmentValue("GOOGLE_APPLICATION_CREDENTIALS", "/var/run/asya-credentials/credentials.json"));
    }
  }
  return environment;
}

}  // namespace asya::compositions
