// ClusterGateway: tasks of a cluster's actors: the task API for users, on the server's own port, and a port of its own
// on which relays report. Tasks lie in PostgreSQL; their first messages go on to the brokers from the server that
// leads.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/api_server.h"
#include "core/base/clock.h"
#include "core/base/executor.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/http/router.h"
#include "core/http/server.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "gateway/cancel_follower.h"
#include "gateway/gateway.h"
#include "gateway/reaper.h"
#include "ports/object_store.h"
#include "server/controllers.h"
#include "server/outbox.h"
#include "server/queue_directory.h"
#include "server/task_access.h"
#include "server/task_database.h"
#include "server/upkeep.h"

namespace asya::server {

class ClusterGateway {
 public:
  // Of a body that creates a task.
  static constexpr std::size_t kTaskBodyBytes = 12U << 20U;

  // All of these live longer.
  struct Parts {
    ports::ObjectStore& objects;
    const Clock& clock;
    Random& random;
    observe::Logger logger;
    observe::Metrics& metrics;
  };
  // `url` of the PostgreSQL.
  static Result<std::unique_ptr<ClusterGateway>> Open(const std::string& url, const Parts& parts);
  ~ClusterGateway();
  ClusterGateway(const ClusterGateway&) = delete;
  ClusterGateway& operator=(const ClusterGateway&) = delete;

  // The task API, for whom it is that `authenticate` knows and `rights` lets, before the body of a request is read; all
  // else goes to `next`, as it came.
  http::Handler Serve(apiserver::Authenticator authenticate, TaskRights rights, http::Handler next);
  // Binds the port on which `reports` are taken, with TLS alone. Start serves there.
  Status Listen(std::pair<std::string, std::uint16_t> place, const http::TlsIdentity& identity, http::Handler reports);
  void Start() { reports_->Start(); }
  // Of that port; known once it is bound.
  [[nodiscard]] std::string reports_address() const { return reports_->address(); }
  Status ReplaceTls(const http::TlsIdentity& identity) { return reports_->ReplaceTls(identity, {}); }
  void StopListening(std::chrono::milliseconds grace);
  // The reports of relays, of whom `authenticate` knows, before the body is read; the caller sees to it that it may
  // block.
  [[nodiscard]] http::Handler ServeReports(apiserver::Authenticator authenticate) const;
  // To be forgotten now and then.
  std::vector<Upkeep::Drop> Drops();

  // Has the controllers tell relays how they know this gateway, be told of the work of pods, and send first messages on
  // while they lead.
  void JoinTo(Controllers::Parts& controllers);
  // After the servers that it serves. Idempotent.
  void Stop();

 private:
  void BeginSending(QueueDirectory& queues);
  void EndSending();
  gateway::Deps MakeDeps();
  ClusterGateway(std::unique_ptr<TaskDatabase> database, const Parts& parts);

  const Parts parts_;
  const std::unique_ptr<TaskDatabase> database_;
  std::unique_ptr<Outbox> outbox_;  // while it sends; of the thread of the Lease, and of the one that stops
  Executor executor_;
  gateway::TaskHub hub_;
  const std::unique_ptr<storage::postgres::FlyExchange> fly_;
  gateway::CancelFeed cancels_;
  gateway::CancelFollower cancel_follower_;  // of what other servers cancel
  std::shared_ptr<void> changes_;
  const gateway::Deps deps_;
  http::Router external_;
  http::Router internal_;
  gateway::Reaper reaper_;
  std::unique_ptr<http::Server> reports_;
  std::mutex load_mutex_;
  Controllers::OnLoad on_load_;
  bool stopped_ = false;
};

}  // namespace asya::server
