#include "model/kinds/schemas.h"

namespace asya::model {
namespace {

Schema SecretReference(std::string name, std::string description) {
  return Object(std::move(name), std::move(description),
                {
                    String("namespace", "Namespace of the Secret.").As(Format::kDnsLabel),
                    String("name", "Name of the Secret.").Required().As(Format::kDnsSubdomain),
                })
      .Atomic();
}

// The block of one broker: its connection, who may use it and provisioning options.
Schema Block(std::string name, std::string description, std::vector<Schema> fields) {
  fields.push_back(SecretReference(
      "credentialsSecretRef", "Secret with the credentials of relays and scaler; copied to the actors' namespaces."));
  fields.push_back(
      SecretReference("adminCredentialsSecretRef", "Secret with the credentials for provisioning; never copied."));
  return Object(std::move(name), std::move(description), std::move(fields));
}

std::vector<Schema> Blocks() {
  return {
      Block("sqlite", "SQLite file of the server.", {String("path", "Path of the file; the server's own by default.")}),
      Block("postgres", "PostgreSQL.",
            {
                String("host", "Host name."),
                Integer("port", "Port.").AtLeast(1).AtMost(65'535).Default(5432),
                String("database", "Database name."),
                String("schema", "Schema of the queue tables."),
                String("sslMode", "TLS of the connection.")
                    .OneOf({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}),
            }),
      Block("rabbitmq", "RabbitMQ.",
            {
                String("host", "Host name."),
                Integer("port", "Port.").AtLeast(1).AtMost(65'535).Default(5672),
                String("virtualHost", "Virtual host.").Default("/"),
                String("exchange", "Direct exchange; empty means the default exchange."),
                Boolean("tls", "Connect with TLS."),
                String("managementUrl", "Management API, for depth and native scaling.").As(Format::kHttpUrl),
                String("queueType", "Type of the queues.").OneOf({"quorum", "classic"}).Default("quorum"),
                Integer("prefetch", "Envelopes leased ahead by one relay.").AtLeast(1).AtMost(65'535),
            }),
      Block("sqs", "Amazon SQS.",
            {
                String("region", "AWS region."),
                String("endpoint", "Another endpoint than AWS.").As(Format::kHttpUrl),
                String("accountId", "AWS account of the queues."),
                Integer("visibilityTimeout", "Seconds of a lease, which is renewed; 60 by default.")
                    .AtLeast(3)
                    .AtMost(43'200),
                Integer("waitTimeSeconds", "Seconds of a long poll.").AtLeast(0).AtMost(20).Default(20),
                Integer("maximumMessageBytes", "Largest message; SQS itself takes up to 1 MiB.")
                    .AtLeast(4096)
                    .AtMost(1'048'576)
                    .Default(262'144),
                Map("tags", "Tags of the queues.", String("", "")),
            }),
      Block("pubsub", "Google Pub/Sub.",
            {
                String("projectId", "Google Cloud project."),
                String("endpoint", "Another endpoint than Google's, e.g. an emulator."),
                Integer("ackDeadline", "Seconds of a lease.").AtLeast(10).AtMost(600).Default(300),
                String("retention", "How long unacknowledged messages are kept.").As(Format::kGoDuration),
            }),
  };
}

}  // namespace

KindInfo TransportKind() {
  std::vector<Schema> fields = {
      String("type", "Which broker.").Required().OneOf({"sqlite", "postgres", "rabbitmq", "sqs", "pubsub"}),
      Boolean("default", "Used by actors that name no transport; one Transport may say so."),
  };
  for (Schema& block : Blocks()) fields.push_back(std::move(block));
  std::vector<Schema> status = StatusFields();
  status.push_back(Boolean("reachable", "Whether the broker answered last time."));
  KindInfo kind;
  kind.plural = "transports";
  kind.singular = "transport";
  kind.kind = "Transport";
  kind.categories = {"asya-all"};
  kind.namespaced = false;
  kind.schema =
      RootSchema("A broker that actors' queues live on.",
                 Object("spec", "The broker, with one block of the type's name.", std::move(fields)).Required(),
                 Object("status", "What the control plane sees; written by it only.", std::move(status)));
  kind.columns = {
      {"Name", "string", "name", "Name of the transport.", 0, "metadata.name", ""},
      {"Type", "string", "", "Which broker.", 0, "spec.type", ""},
      {"Default", "boolean", "", "Used by actors that name no transport.", 0, "spec.default", ""},
      {"Ready", "string", "", "Whether the broker can be reached.", 0, "condition:Ready", ""},
      {"Age", "date", "", "Time since creation.", 0, "metadata.creationTimestamp", ""},
  };
  return kind;
}

}  // namespace asya::model
