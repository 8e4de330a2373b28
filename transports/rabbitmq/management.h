// Management: what RabbitMQ's management API knows of queues and AMQP does not tell; its numbers are seconds old.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/http/client.h"
#include "transports/rabbitmq/address.h"

namespace asya::transports::rabbitmq {

class Management {
 public:
  // `url`: http(s)://host:port of the API, without path; user, password and virtual host are those of `address`.
  Management(const std::string& url, const BrokerAddress& address);

  struct QueueNumbers {
    std::int64_t unacknowledged = 0;
    std::int64_t published = 0;  // since the queue was made, as far as the broker still knows
    std::int64_t acknowledged = 0;
  };
  // kNotFound: no such queue, or not known there yet.
  Result<QueueNumbers> Numbers(const std::string& queue);
  // Of all queues of the virtual host, by name.
  Result<std::map<std::string, QueueNumbers>> AllNumbers();
  // Names of the queues that Administration made.
  Result<std::vector<std::string>> OurQueues();

 private:
  Result<std::string> Get(const std::string& path);

  http::Client client_;
  std::string base_;
  std::string ca_pem_;
  std::string virtual_host_;
};

}  // namespace asya::transports::rabbitmq
