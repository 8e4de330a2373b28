// Webhooks: what kube-apiserver is answered about pods and objects, out of a memory of the actors that this keeps.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/http/message.h"
#include "core/http/server.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/composer.h"
#include "ports/object_store.h"
#include "reconcilers/object_watch.h"
#include "server/repeated.h"
#include "webhooks/admission.h"
#include "webhooks/bindings.h"
#include "webhooks/configurations.h"

namespace asya::server {

class Webhooks {
 public:
  static constexpr std::chrono::seconds kPeriod{1};  // between looks whether a watch has to be opened again
  // What kube-apiserver waits for an answer: later nobody reads it.
  static constexpr std::chrono::seconds kReviewTimeout{webhooks::kTimeoutSeconds};
  static constexpr std::size_t kConnectionsMax = 256;  // some of each kube-apiserver; more wait to be accepted
  static constexpr std::size_t kThreads = 1;           // a review takes about a millisecond of it

  // All of these live longer.
  struct Parts {
    ports::ObjectStore& objects;
    const Clock& clock;
    observe::Logger logger;
    observe::Metrics& metrics;
  };
  // `composer` lives longer; it is the one that the controllers have.
  Webhooks(const ports::Composer& composer, const Parts& parts);
  ~Webhooks();
  Webhooks(const Webhooks&) = delete;
  Webhooks& operator=(const Webhooks&) = delete;

  // Binds a port of their own, with TLS alone and a thread of its own, so that no request of the API comes before a
  // review. Before Start; without it they are answered by Before alone.
  Status Listen(std::pair<std::string, std::uint16_t> place, const http::TlsIdentity& identity);
  // The bound address; after Listen.
  [[nodiscard]] std::string address() const { return server_->address(); }
  void Start();
  // Where there is such a port: what new connections get.
  Status ReplaceTls(const http::TlsIdentity& identity);
  // Idempotent. What was read goes on being answered from.
  void Stop();
  // kUnavailable until everything has been read once.
  [[nodiscard]] Status Ready() const { return bindings_.Ready(); }
  // Whether a pod like this one would get its relay if it were made now; kInvalid with what is wrong.
  [[nodiscard]] Status WouldInject(const json::Value& pod);
  // Answers reviews at once, on the thread that asks, and all else by `next`. Nobody is asked who they are:
  // kube-apiserver shows no certificate to webhooks.
  [[nodiscard]] http::Handler Before(http::Handler next);

 private:
  Status Look();

  webhooks::Bindings bindings_;
  const webhooks::FindParts find_;
  const webhooks::Admission admission_;
  const Parts parts_;
  std::unique_ptr<http::Server> server_;  // null without a port of their own
  std::vector<std::unique_ptr<reconcilers::ObjectWatch>> watches_;
  Repeated repeated_;
};

}  // namespace asya::server
