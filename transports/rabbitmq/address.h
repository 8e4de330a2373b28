// BrokerAddress: where a RabbitMQ is and who we are there; read from an amqp or amqps URL.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::transports::rabbitmq {

struct BrokerAddress {
  std::string host = "localhost";
  std::string port = "5672";
  std::string user = "guest";
  std::string password = "guest";
  std::string virtual_host = "/";
  bool tls = false;
  std::string ca_pem;  // trusted certificates; empty: the system's
};

// amqp[s]://[user[:password]@]host[:port][/virtual-host], percent-encoded; the port defaults to 5672 (amqps: 5671), the
// virtual host to "/". kInvalid never repeats the URL, which may hold a password.
Result<BrokerAddress> ParseBrokerUrl(std::string_view url);

}  // namespace asya::transports::rabbitmq
