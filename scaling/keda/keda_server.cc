#include "scaling/keda/keda_server.h"

#include <externalscaler.grpc.pb.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>
#include <netdb.h>
#include <sys/socket.h>

#include <map>
#include <mutex>
#include <utility>

#include "core/base/unique_fd.h"

namespace asya::scaling {
namespace {

namespace wire = externalscaler;

constexpr int kKeepaliveMs = 30'000;  // a client that is gone is noticed within a minute, and its streams are closed

ScaledObjectRef RefOf(const wire::ScaledObjectRef& message) {
  ScaledObjectRef ref{message.name(), message.namespace_(), {}};
  for (const auto& [key, value] : message.scalermetadata()) ref.metadata[key] = value;
  return ref;
}

grpc::StatusCode CodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case ErrorCode::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case ErrorCode::kTooMany:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case ErrorCode::kExists:
    case ErrorCode::kConflict:
    case ErrorCode::kExpired:
    case ErrorCode::kForbidden:
    case ErrorCode::kUnauthorized:
    case ErrorCode::kTooLarge:
    case ErrorCode::kTimeout:
    case ErrorCode::kUnavailable:
    case ErrorCode::kUnroutable:
    case ErrorCode::kClosed:
    case ErrorCode::kInternal:
      return grpc::StatusCode::UNAVAILABLE;
  }
  return grpc::StatusCode::UNAVAILABLE;
}

grpc::Status StatusOf(const Error& error) {
  return {CodeOf(error.code), error.field.empty() ? error.message : error.field + ": " + error.message};
}

// A stream on its way: what it says comes from the scaler's thread, what becomes of it from gRPC's.
class Stream final : public grpc::ServerWriteReactor<wire::IsActiveResponse> {
 public:
  // What others hold of it: it may be gone.
  struct Handle {
    std::mutex mutex;
    Stream* stream = nullptr;
    bool writing = false;
    bool waiting = false;  // to be told once more after this; more than that says nothing new
    std::optional<grpc::Status> end;
    bool finished = false;
  };

  Stream() : handle_(std::make_shared<Handle>()) {
    handle_->stream = this;
    message_.set_result(true);
  }
  [[nodiscard]] const std::shared_ptr<Handle>& handle() const { return handle_; }
  void Hold(std::shared_ptr<void> subscription) {
    const std::lock_guard lock(handle_->mutex);
    subscription_ = std::move(subscription);
  }

  static void Tell(const std::shared_ptr<Handle>& handle) {
    Stream* stream = nullptr;
    {
      const std::lock_guard lock(handle->mutex);
      if (handle->finished || handle->end) return;
      if (std::exchange(handle->writing, true)) {
        handle->waiting = true;
        return;
      }
      stream = handle->stream;
    }
    // It stays until this is done: it is not finished while it writes.
    stream->StartWrite(&stream->message_);
  }

  static void End(const std::shared_ptr<Handle>& handle, const grpc::Status& status) {
    Stream* stream = nullptr;
    {
      const std::lock_guard lock(handle->mutex);
      if (handle->finished || handle->end) return;
      handle->end = status;
      if (handle->writing) return;
      handle->finished = true;
      stream = handle->stream;
    }
    stream->Finish(status);
  }

  void OnWriteDone(bool ok) override {
    bool again = false;
    grpc::Status end;
    {
      const std::lock_guard lock(handle_->mutex);
      if (!ok && !handle_->end) handle_->end = grpc::Status::CANCELLED;
      if (handle_->end) {
        handle_->finished = true;
        end = *handle_->end;
      } else {
        again = std::exchange(handle_->waiting, false);
      }
      handle_->writing = again;
      if (!again && !handle_->finished) return;
    }
    if (again) return StartWrite(&message_);
    Finish(end);
  }
  void OnCancel() override { End(handle_, grpc::Status::CANCELLED); }
  void OnDone() override {
    subscription_.reset();
    delete this;  // gRPC owns it in name only
  }

 private:
  const std::shared_ptr<Handle> handle_;
  std::shared_ptr<void> subscription_;
  wire::IsActiveResponse message_;
};

class Service final : public wire::ExternalScaler::CallbackService {
 public:
  Service(ExternalScaler& scaler, observe::Metrics& metrics) : scaler_(scaler), metrics_(metrics) {}

  grpc::ServerUnaryReactor* IsActive(grpc::CallbackServerContext* context, const wire::ScaledObjectRef* request,
                                     wire::IsActiveResponse* response) override {
    const auto active = scaler_.IsActive(RefOf(*request));
    if (active.ok()) response->set_result(*active);
    return Answer(context, "IsActive", active.ok() ? grpc::Status::OK : StatusOf(active.error()));
  }

  grpc::ServerWriteReactor<wire::IsActiveResponse>* StreamIsActive(grpc::CallbackServerContext* /*context*/,
                                                                   const wire::ScaledObjectRef* request) override {
    auto stream = std::make_unique<Stream>();
    const std::shared_ptr<Stream::Handle> handle = stream->handle();
    auto subscription = scaler_.Subscribe(
        RefOf(*request), {[handle] { Stream::Tell(handle); }, [handle] { Stream::End(handle, grpc::Status::OK); }});
    const grpc::Status status = subscription.ok() ? grpc::Status::OK : StatusOf(subscription.error());
    Count("StreamIsActive", status);
    if (subscription.ok()) {
      stream->Hold(*std::move(subscription));
    } else {
      Stream::End(handle, status);
    }
    return stream.release();
  }

  // Of any actor, also one that is not known: KEDA asks once, when an object is new, and keeps no word of an error to
  // it; that of IsActive stands in an event.
  grpc::ServerUnaryReactor* GetMetricSpec(grpc::CallbackServerContext* context,
                                          const wire::ScaledObjectRef* /*request*/,
                                          wire::GetMetricSpecResponse* response) override {
    wire::MetricSpec* spec = response->add_metricspecs();
    spec->set_metricname(kMetricName);
    spec->set_targetsize(kMetricTarget);
    spec->set_targetsizefloat(static_cast<double>(kMetricTarget));
    return Answer(context, "GetMetricSpec", grpc::Status::OK);
  }

  grpc::ServerUnaryReactor* GetMetrics(grpc::CallbackServerContext* context, const wire::GetMetricsRequest* request,
                                       wire::GetMetricsResponse* response) override {
    const auto replicas = scaler_.Replicas(RefOf(request->scaledobjectref()), request->metricname());
    if (replicas.ok()) {
      wire::MetricValue* value = response->add_metricvalues();
      value->set_metricname(kMetricName);
      value->set_metricvalue(*replicas);
      value->set_metricvaluefloat(static_cast<double>(*replicas));
    }
    return Answer(context, "GetMetrics", replicas.ok() ? grpc::Status::OK : StatusOf(replicas.error()));
  }

 private:
  grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const char* call, const grpc::Status& status) {
    Count(call, status);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(status);
    return reactor;
  }
  void Count(const char* call, const grpc::Status& status) {
    metrics_
        .MakeCounter("asya_external_scaler_calls_total", "Calls of KEDA, by what they were answered with.",
                     {{"call", call}, {"code", std::to_string(status.error_code())}})
        .Add();
  }

  ExternalScaler& scaler_;
  observe::Metrics& metrics_;
};

Result<std::shared_ptr<grpc::ServerCredentials>> CredentialsOf(const std::optional<KedaIdentity>& tls) {
  if (!tls) return grpc::InsecureServerCredentials();
  if (tls->certificate_pem.empty()) return Invalid("tls.certificate", "is empty");
  if (tls->key_pem.empty()) return Invalid("tls.key", "is empty");
  grpc::SslServerCredentialsOptions options(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  options.pem_key_cert_pairs.push_back({tls->key_pem, tls->certificate_pem});
  return grpc::SslServerCredentials(options);
}

// gRPC listens so that a successor of ours may listen beside us, and would do so beside anybody else's as well.
Status IsFree(const std::string& address, int port) {
  addrinfo wanted{};
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0) {
    return Invalid("address", "got \"" + address + "\"; an IP address is accepted");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  const UniqueFd probe(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;  // what an earlier server has left of its connections does not count
  ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(probe.get(), found->ai_addr, found->ai_addrlen) == 0) return Ok();
  return Fail(ErrorCode::kUnavailable, "the scaler cannot listen on " + address + " port " + std::to_string(port) +
                                           ": the address is taken, or is not of this machine");
}

}  // namespace

struct KedaServer::Parts {
  Parts(const KedaListen& listen, ExternalScaler& served, observe::Metrics& counted, observe::Logger log)
      : scaler(served),
        logger(std::move(log)),
        stop_grace(listen.stop_grace),
        service(served, counted),
        address(listen.address),
        port(listen.port) {}

  [[nodiscard]] std::string Where() const {
    const bool v6 = address.find(':') != std::string::npos;
    return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  }
  Status Bind(const std::optional<KedaIdentity>& tls);
  void End(std::unique_ptr<grpc::Server> ending);

  ExternalScaler& scaler;
  const observe::Logger logger;
  const std::chrono::milliseconds stop_grace;
  Service service;
  const std::string address;
  int port;
  std::unique_ptr<grpc::Server> server;
};

// On the port of the server that there may be already: both take connections until the older one ends.
Status KedaServer::Parts::Bind(const std::optional<KedaIdentity>& tls) {
  ASYA_TRY(const auto credentials, CredentialsOf(tls));
  if (server == nullptr) ASYA_TRY_STATUS(IsFree(address, port));
  grpc::ServerBuilder builder;
  int bound = 0;
  builder.AddListeningPort(Where(), credentials, &bound);
  builder.RegisterService(&service);
  builder.SetMaxReceiveMessageSize(static_cast<int>(kRequestBytesMax));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(kHeaderBytesMax));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(kSubscribersMax));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 1);
  auto made = builder.BuildAndStart();
  if (made == nullptr || bound == 0) {
    return Fail(ErrorCode::kUnavailable,
                "the scaler cannot listen on " + Where() + ": certificate and key are no pair, or the port is taken");
  }
  port = bound;
  End(std::exchange(server, std::move(made)));
  return Ok();
}

void KedaServer::Parts::End(std::unique_ptr<grpc::Server> ending) {
  if (ending == nullptr) return;
  scaler.EndAll();
  ending->Shutdown(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(stop_grace.count(), GPR_TIMESPAN)));
  ending->Wait();
}

KedaServer::KedaServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

KedaServer::~KedaServer() { Stop(); }

Result<std::unique_ptr<KedaServer>> KedaServer::Start(const KedaListen& listen, ExternalScaler& scaler,
                                                      observe::Metrics& metrics, observe::Logger logger) {
  // It would write lines of its own among ours, for each connection that is no TLS.
  gpr_set_log_function([](gpr_log_func_args*) {});
  auto server =
      std::unique_ptr<KedaServer>(new KedaServer(std::make_unique<Parts>(listen, scaler, metrics, std::move(logger))));
  Parts& parts = *server->parts_;
  ASYA_TRY_STATUS(parts.Bind(listen.tls));
  parts.logger.Info("serving KEDA", {{"address", server->address()}, {"tls", listen.tls ? "yes" : "no"}});
  return server;
}

std::string KedaServer::address() const { return parts_->Where(); }

Status KedaServer::ReplaceTls(const KedaIdentity& identity) { return parts_->Bind(identity); }

void KedaServer::Stop() { parts_->End(std::exchange(parts_->server, nullptr)); }

}  // namespace asya::scaling
