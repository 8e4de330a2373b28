// Settings: everything a relay is told at start, as plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "relay/address.h"
#include "relay/end_handler.h"
#include "relay/endpoint.h"
#include "relay/peer.h"
#include "relay/resiliency.h"

namespace asya::relay {

struct Settings {
  std::string actor;
  std::string namespace_;
  std::string transport = "sqlite";
  std::string socket_dir = "/var/run/asya";
  std::string sink = "x-sink";
  std::string sump = "x-sump";
  bool is_end_actor = false;
  std::int64_t concurrency = 1;
  std::chrono::microseconds actor_timeout = std::chrono::minutes(5);
  Resiliency resiliency;
  std::optional<Endpoint> endpoint;   // none: the runtime beside the relay is called
  std::optional<EndRules> end_rules;  // of an end actor without a runtime
  std::optional<Peer> gateway;
  std::optional<Address> collector;  // of spans; none: nothing is traced
  std::string tracing_problem;       // why nothing is traced although a collector was named
  std::chrono::microseconds runtime_ready_timeout = std::chrono::minutes(5);
  Address metrics{"", "", "8080"};
  std::string metrics_namespace = "asya_actor";
  std::string custom_metrics;  // JSON; checked
  std::string log_level = "INFO";
  std::string sqlite_path;  // of the broker's socket
  std::string postgres_url;
  // RabbitMQ: the URL, or its parts; those given beside a URL stand before what the URL says.
  std::string rabbitmq_url;
  std::string rabbitmq_host;
  std::string rabbitmq_port;
  std::string rabbitmq_username;
  std::string rabbitmq_password;
  std::string rabbitmq_virtual_host;
  std::string rabbitmq_exchange;
  std::string rabbitmq_ca_file;  // PEM; empty: the system's certificates
  bool rabbitmq_tls = false;
  std::int64_t rabbitmq_prefetch = 0;  // envelopes leased at once at most; 0: what the relay grants
  // SQS. Credentials are read where AWS's own tools look for them.
  std::string sqs_endpoint;  // empty: AWS's own of the region
  std::string sqs_region;
  std::string sqs_account;             // whose queues; empty: our own
  std::string sqs_ca_file;             // PEM; empty: the system's certificates
  std::int64_t sqs_wait_s = 20;        // of a long poll
  std::int64_t sqs_visibility_s = 60;  // of a lease, which is renewed
  std::int64_t sqs_message_bytes = 256LL * 1024;
  std::string pubsub_project;
  std::string pubsub_endpoint;          // empty: Google's own
  std::string pubsub_metadata_host;     // empty: Google's own
  std::string pubsub_credentials_file;  // of a service account; empty: the metadata server's
  std::string notify_socket;            // of the process that supervises this one; may be empty
  std::optional<int> control_fd;
  std::chrono::microseconds drain_grace = std::chrono::seconds(10);  // for the last settlements
};

}  // namespace asya::relay
