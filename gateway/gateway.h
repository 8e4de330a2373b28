// Gateway: the task API for the outside and the report API for relays, on the ports it is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/executor.h"
#include "core/http/message.h"
#include "core/http/router.h"
#include "core/observe/log.h"
#include "core/otlp/span_queue.h"
#include "gateway/cancel_feed.h"
#include "gateway/gateway_metrics.h"
#include "gateway/task_hub.h"
#include "ports/claim_store.h"
#include "ports/decisions.h"
#include "ports/fly_event.h"
#include "ports/object_store.h"
#include "ports/task_store.h"

namespace asya::gateway {

// What an actor does with new work.
enum class Intake {
  kUnknown,  // there is no such actor
  kOpen,
  kClosing,  // it is being deleted, and finishes what waits for it
};

struct Deps {
  ports::TaskStore& tasks;
  ports::ObjectStore& objects;
  TaskHub& hub;
  CancelFeed& cancels;
  Executor& executor;  // blocking store calls run here
  const Clock& clock;
  observe::Logger logger;
  // Intake of the actor that has the queue of this name, from memory. It may lag behind the store, which is asked where
  // this does not say kOpen. None: the store is asked each time. Must not block.
  std::function<Intake(const std::string& queue)> intake{};
  GatewayMetrics metrics{};
  otlp::SpanQueue* spans = nullptr;  // none: nothing is traced, though traceparent goes on
  // Where payloads are put that are too large for their queue; none: such tasks are refused.
  ports::ClaimStore* claims = nullptr;
  // The most that a first message for this queue may have; 0: not known, the transport will say. Must not block.
  std::function<std::size_t(const std::string& queue)> first_message_bytes{};
  // Whether first messages are taken for actors that there are not, as by an outbox: then the store is asked for each.
  bool entry_has_to_be_stored = false;
  // The namespace for which whoever reports may speak; none: for all of them.
  std::function<std::string(const http::Request& request)> speaks_for{};
  // Tells those who listen at other servers; none: there are no others. May block; when it returns they are told, or
  // never will be.
  std::function<void(std::vector<ports::FlyEvent> events)> hand_on_fly{};
  // How many envelopes the relay that sent this has in work. None: nobody wants to know. Must not block.
  std::function<void(const http::Request& request, std::int64_t in_flight)> on_load{};
};

struct Limits {
  std::size_t payload_bytes = 10U << 20U;  // of one created task
  std::size_t report_batch_items = 1024;   // of one POST of events
};

// Task routes under /api/v1/tasks and /api/v1/dead-letters, and the same tasks under /api/v1/mesh. `deps` must outlive
// the router.
void AddExternalRoutes(http::Router& router, const Deps& deps, const Limits& limits);
// Takes /apis/asya.sh/v1alpha1/namespaces/NAMESPACE/tasks and …/deadletters, with all below them, for the paths above
// with that namespace; kube-apiserver passes these on. Anything else goes to `next` as it came.
http::Handler WithGroupPaths(http::Handler next);
// Report routes for relays: POST /api/v1/events, POST /api/v1/tasks/{id}/events, GET /api/v1/cancellations. Internal
// listener only.
void AddInternalRoutes(http::Router& router, const Deps& deps, const Limits& limits);

}  // namespace asya::gateway
