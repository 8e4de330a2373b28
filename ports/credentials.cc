#include "ports/credentials.h"

namespace asya::ports {
namespace {

const json::Value* Reference(const json::Value& transport, const char* field) {
  const json::Value* spec = transport.Find("spec");
  const json::Value* block = spec == nullptr ? nullptr : spec->Find(TransportType(transport));
  const json::Value* reference = block == nullptr ? nullptr : block->Find(field);
  return reference != nullptr && reference->IsObject() ? reference : nullptr;
}

}  // namespace

std::string TransportType(const json::Value& transport) {
  const json::Value* spec = transport.Find("spec");
  return spec == nullptr ? "" : spec->GetString("type").value_or("");
}

const std::vector<CredentialKey>& CredentialKeys(const std::string& type) {
  static const std::map<std::string, std::vector<CredentialKey>> keys = {
      {"postgres", {{"url", "ASYA_POSTGRES_URL"}}},
      {"pubsub", {{"credentials.json", "ASYA_PUBSUB_CREDENTIALS"}}},
      {"rabbitmq", {{"username", "ASYA_RABBITMQ_USERNAME"}, {"password", "ASYA_RABBITMQ_PASSWORD"}}},
      {"sqs", {{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"}, {"AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"}}}};
  static const std::vector<CredentialKey> none;
  const auto found = keys.find(type);
  return found == keys.end() ? none : found->second;
}

std::string PodCredentialsName(const std::string& transport) { return "asya-transport-" + transport; }

const json::Value* CredentialsReference(const json::Value& transport) {
  return Reference(transport, "credentialsSecretRef");
}

const json::Value* AdminCredentialsReference(const json::Value& transport) {
  return Reference(transport, "adminCredentialsSecretRef");
}

}  // namespace asya::ports
