// Webhooks: what kube-apiserver is answered about pods and objects, out of a memory of the actors that this keeps.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/http/message.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/composer.h"
#include "ports/object_store.h"
#include "reconcilers/object_watch.h"
#include "server/repeated.h"
#include "webhooks/admission.h"
#include "webhooks/bindings.h"

namespace asya::server {

class Webhooks {
 public:
  static constexpr std::chrono::seconds kPeriod{1};  // between looks whether a watch has to be opened again

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

  void Start() { repeated_.Start(); }
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
  std::vector<std::unique_ptr<reconcilers::ObjectWatch>> watches_;
  Repeated repeated_;
};

}  // namespace asya::server
