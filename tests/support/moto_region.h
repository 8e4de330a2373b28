// MotoRegion: an empty region of its own in the moto server of the test run, which stands for SQS and S3.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "core/base/random.h"
#include "core/http/client.h"
#include "core/json/parse.h"
#include "core/json/value.h"
#include "transports/sqs/calls.h"

namespace asya::tests {

class MotoRegion {
 public:
  // Whether `tools/moto run` is around the run.
  static bool IsThere() { return std::getenv("ASYA_TEST_MOTO") != nullptr; }

  MotoRegion() : name_("test-" + RandomHex(6)) {}
  [[nodiscard]] const std::string& name() const { return name_; }

  [[nodiscard]] transports::sqs::ServiceSettings service(bool tls = false) const {
    transports::sqs::ServiceSettings service;
    service.region = name_;
    service.endpoint = std::getenv(tls ? "ASYA_TEST_MOTO_TLS" : "ASYA_TEST_MOTO");
    // The only ones that this server takes (tools/moto_service.py); nobody's.
    service.credentials.keys = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
    if (tls) {
      std::ifstream file(std::getenv("ASYA_TEST_MOTO_CA"));
      service.ca_pem.assign(std::istreambuf_iterator<char>(file), {});
    }
    return service;
  }
  // All calls of this region fail for so long.
  void GoDown(int seconds) const { (void)Say("POST", "down", "&seconds=" + std::to_string(seconds)); }
  // All calls about this queue fail for so long.
  void LoseQueue(const std::string& queue, int seconds) const {
    (void)Say("POST", "down", "&queue=" + queue + "&seconds=" + std::to_string(seconds));
  }
  // Calls about this queue are answered only then; 0: now.
  void Hold(const std::string& queue, int seconds) const {
    (void)Say("POST", "hold", "&queue=" + queue + "&seconds=" + std::to_string(seconds));
  }
  // This entry of the next batches of an action fails.
  void FailEntry(const std::string& action, int entry, int times) const {
    (void)Say("POST", "fail",
              "&action=" + action + "&entry=" + std::to_string(entry) + "&times=" + std::to_string(times));
  }
  // Buckets have names of their own, whatever the region.
  void MakeBucket(const std::string& name) const { (void)Say("POST", "bucket", "&bucket=" + name); }
  void PutObject(const std::string& bucket, const std::string& key, const std::string& bytes) const {
    (void)Say("POST", "object", "&bucket=" + bucket + "&key=" + key, bytes);
  }
  // How often each action was called, as the server counts.
  [[nodiscard]] json::Value CallCounts() const { return json::Parse(Say("GET", "calls", "")).value(); }

 private:
  [[nodiscard]] std::string Say(const std::string& method, const std::string& word, const std::string& more,
                                const std::string& body = "") const {
    http::Client client;
    http::ClientRequest request;
    request.method = method;
    request.url = std::string(std::getenv("ASYA_TEST_MOTO")) + "/asya/" + word + "?region=" + name_ + more;
    request.deadline = std::chrono::minutes(1);
    request.body = body;
    return client.Call(request).value().body;
  }
  const std::string name_;
};

}  // namespace asya::tests
