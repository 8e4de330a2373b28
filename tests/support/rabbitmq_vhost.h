// RabbitmqVhost: an empty virtual host of its own in the RabbitMQ of the test run, gone with its owner.
#pragma once

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>

#include "core/base/percent.h"
#include "core/base/random.h"
#include "core/http/client.h"
#include "core/json/parse.h"
#include "core/json/value.h"
#include "transports/rabbitmq/address.h"

namespace asya::tests {

class RabbitmqVhost {
 public:
  // Whether `tools/rabbitmq run` is around the run.
  static bool IsThere() { return std::getenv("ASYA_TEST_RABBITMQ") != nullptr; }
  static std::string ManagementUrl() { return std::getenv("ASYA_TEST_RABBITMQ_MANAGEMENT"); }

  RabbitmqVhost() : name_("test_" + RandomHex(8)) {
    Call("PUT", "/api/vhosts/" + name_);
    Call("PUT", "/api/permissions/" + name_ + "/guest", R"({"configure":".*","write":".*","read":".*"})");
  }
  ~RabbitmqVhost() { Call("DELETE", "/api/vhosts/" + name_); }
  RabbitmqVhost(const RabbitmqVhost&) = delete;
  RabbitmqVhost& operator=(const RabbitmqVhost&) = delete;

  [[nodiscard]] transports::rabbitmq::BrokerAddress address(bool tls = false) const {
    auto address =
        transports::rabbitmq::ParseBrokerUrl(std::getenv(tls ? "ASYA_TEST_RABBITMQ_TLS" : "ASYA_TEST_RABBITMQ"))
            .value();
    address.virtual_host = name_;
    if (tls) {
      std::ifstream file(std::getenv("ASYA_TEST_RABBITMQ_CA"));
      address.ca_pem.assign(std::istreambuf_iterator<char>(file), {});
    }
    return address;
  }
  [[nodiscard]] const std::string& name() const { return name_; }

  // Ends every connection to this virtual host, at least so many; how many there were. The API learns of one a little
  // later than it is made, hence the patience.
  [[nodiscard]] int CloseConnections(int at_least) const {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < limit) {
      const auto found = json::Parse(Call("GET", "/api/vhosts/" + name_ + "/connections")).value();
      std::set<std::string> names;
      for (const json::Value& connection : found.AsArray()) names.insert(connection.GetString("name").value_or(""));
      if (static_cast<int>(names.size()) >= at_least) {
        for (const std::string& name : names) {
          Call("DELETE", "/api/connections/" + PercentEncoded(name));
        }
        return static_cast<int>(names.size());
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return 0;
  }

  // Waits until a queue has at least so many consumers; how many it has.
  [[nodiscard]] int AwaitConsumers(const std::string& queue, int at_least) const {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    int count = 0;
    do {
      count = 0;
      const auto found = json::Parse(Call("GET", "/api/consumers/" + name_)).value();
      for (const json::Value& consumer : found.AsArray()) {
        const json::Value* of = consumer.Find("queue");
        if (of != nullptr && of->GetString("name") == queue) ++count;
      }
      if (count < at_least) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    } while (count < at_least && std::chrono::steady_clock::now() < limit);
    return count;
  }

  // One call of the management API.
  static std::string Call(const std::string& method, const std::string& path, const std::string& body = "") {
    http::Client client;
    http::ClientRequest request;
    request.method = method;
    request.url = ManagementUrl() + path;
    request.url.insert(request.url.find("//") + 2, "guest:guest@");
    request.headers.Set("Content-Type", "application/json");
    request.body = body;
    request.deadline = std::chrono::minutes(1);
    return client.Call(request).value().body;
  }

 private:
  const std::string name_;
};

}  // namespace asya::tests
