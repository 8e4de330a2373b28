#include "server/webhooks.h"

#include <string>
#include <utility>

#include "ports/resource.h"

namespace asya::server {
namespace {

constexpr std::chrono::milliseconds kStopGrace{1000};

}  // namespace

Webhooks::Webhooks(const ports::Composer& composer, const Parts& parts)
    : bindings_(composer),
      find_([this](const std::string& namespace_, const std::string& actor) {
        return bindings_.Find(namespace_, actor);
      }),
      admission_({find_, parts.clock, parts.logger, parts.metrics}),
      parts_(parts),
      repeated_(
          kPeriod, [this] { return Look(); },
          [logger = parts.logger](const Error& error) {
            logger.Error("the actors that pods are bound to cannot be read; what was read before stays in use",
                         {{"error", error.message}});
          }) {
  for (const char* resource : {webhooks::kActors, webhooks::kFlavors, webhooks::kTransports}) {
    reconcilers::ObjectWatch::Events events;
    events.on_list = [this, resource](const ports::Records& all) { bindings_.Replace(resource, all); };
    events.on_event = [this](const ports::Event& event) {
      if (event.type == ports::Event::Type::kDeleted) {
        bindings_.Remove(event.record.key);
      } else {
        bindings_.Put(event.record);
      }
    };
    events.on_broken = [] {};  // the next look opens it again
    watches_.push_back(std::make_unique<reconcilers::ObjectWatch>(parts.objects, resource, std::move(events)));
  }
}

Webhooks::~Webhooks() { Stop(); }

Status Webhooks::Listen(std::pair<std::string, std::uint16_t> place, const http::TlsIdentity& identity) {
  http::ServerLimits limits;
  limits.io_threads = kThreads;
  // One byte more is read, so that its answer is the one of a review that is too large.
  limits.body_bytes = webhooks::kReviewBytesMax + 1;
  limits.connections = kConnectionsMax;
  limits.request_timeout = kReviewTimeout;
  limits.write_timeout = kReviewTimeout;
  http::Listen listen;
  listen.tcp = std::move(place);
  listen.tls = identity;
  listen.tls_only = true;
  http::Handler reviews = [this](const http::Request& request, http::Responder responder) {
    responder.Send(admission_.Answer(request));
  };
  ASYA_TRY(server_, http::Server::Create(std::move(listen), limits, std::move(reviews), parts_.logger, nullptr));
  parts_.logger.Info("reviews are answered", {{"address", server_->address()}});
  return Ok();
}

void Webhooks::Start() {
  repeated_.Start();
  if (server_) server_->Start();
}

Status Webhooks::ReplaceTls(const http::TlsIdentity& identity) {
  return server_ ? server_->ReplaceTls(identity, {}) : Ok();
}

void Webhooks::Stop() {
  if (server_) server_->Stop(kStopGrace);
  repeated_.Stop();
  for (const auto& watch : watches_) watch->Close();
}

Status Webhooks::Look() {
  for (const auto& watch : watches_) ASYA_TRY_STATUS(watch->Open());
  return Ok();
}

Status Webhooks::WouldInject(const json::Value& pod) {
  ASYA_TRY_STATUS(Ready());
  webhooks::Review review;
  review.operation = "CREATE";
  review.version = "v1";
  review.resource = "pods";
  review.namespace_ = ports::MetadataOf(pod, "namespace");
  review.object = pod;
  const webhooks::Verdict verdict = webhooks::InjectPod(review, find_);
  return verdict.allowed ? Ok() : Status(Invalid("", verdict.message));
}

http::Handler Webhooks::Before(http::Handler next) {
  const http::Handler answer = http::WithBody(
      [this](const http::Request& request, http::Responder responder) { responder.Send(admission_.Answer(request)); });
  return [answer, next = std::move(next)](http::Request request, http::Responder responder) {
    const bool is_review = request.path.starts_with(webhooks::kPathPrefix);
    (is_review ? answer : next)(std::move(request), std::move(responder));
  };
}

}  // namespace asya::server
