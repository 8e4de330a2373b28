#include "server/installation.h"

#include <utility>

#include "apiserver/request_info.h"
#include "apiserver/status_error.h"
#include "server/definitions.h"

namespace asya::server {
namespace {

bool IsOfObjects(const http::Request& request) {
  const auto info = apiserver::ParseRequestInfo(request.method, request.path, false);
  return info && info->target == apiserver::RequestInfo::Target::kObjects;
}

std::string CollectionOf(const cluster::kubernetes::Client& client) {
  return "/api/v1/namespaces/" + client.endpoint().namespace_ + "/configmaps";
}

}  // namespace

Installation::Installation(cluster::kubernetes::Client& client, ReadId read_id, observe::Logger logger)
    : client_(client),
      read_id_(std::move(read_id)),
      logger_(std::move(logger)),
      doubt_(Fail(ErrorCode::kUnavailable, "whether the database is that of this cluster is not known yet")),
      repeated_(
          kPeriod, [this] { return Look(); },
          [this](const Error& error) {
            logger_.Error("the installation is in doubt", {{"error", error.message}});
          }) {}

// Whichever server comes first writes its own; then it is everybody's.
Result<std::string> Installation::KnownId(const std::string& own) {
  const std::string collection = CollectionOf(client_);
  auto found = client_.Get(collection + "/" + kInstallationName);
  if (!found.ok() && found.error().code == ErrorCode::kNotFound) {
    const json::Object fresh{{"apiVersion", "v1"},
                             {"kind", "ConfigMap"},
                             {"metadata", json::Object{{"name", kInstallationName}}},
                             {"data", json::Object{{"id", own}}}};
    found = client_.Create(collection, fresh);
    if (!found.ok() && found.error().code == ErrorCode::kExists) {
      found = client_.Get(collection + "/" + kInstallationName);
    }
  }
  if (!found.ok()) return found.error();
  const json::Value* id = found->FindPath({"data", "id"});
  return id != nullptr && id->IsString() ? id->AsString() : std::string();
}

Status Installation::Look() {
  ASYA_TRY(const std::string own, read_id_());
  ASYA_TRY(const std::string known, KnownId(own));
  Status alone = without_definitions_ ? Ok() : RefuseDefinitions(client_);
  without_definitions_ = alone.ok();
  const std::lock_guard lock(mutex_);
  doubt_.reset();
  if (!alone.ok() && alone.error().code == ErrorCode::kConflict) doubt_ = alone.error();
  if (own == known) return alone;
  doubt_ = Fail(ErrorCode::kConflict, "the database is not the one of this cluster, or was emptied: ConfigMap " +
                                          client_.endpoint().namespace_ + "/" + kInstallationName +
                                          " names installation \"" + known + "\", the database \"" + own +
                                          "\"; connect the right one, or delete the ConfigMap to take this one");
  return *doubt_;
}

Status Installation::Trusted() const {
  const std::lock_guard lock(mutex_);
  return doubt_ ? Status(*doubt_) : Ok();
}

http::Handler Installation::Guard(http::Handler next) const {
  return [this, next = std::move(next)](http::Request request, http::Responder responder) {
    const Status trusted = Trusted();
    if (trusted.ok() || !IsOfObjects(request)) return next(std::move(request), std::move(responder));
    // Not the names of both: whoever asks is not known here.
    responder.Send(apiserver::ToResponse(
        apiserver::Unavailable("this server is not known to be the one of this cluster's objects; its log says more")));
  };
}

}  // namespace asya::server
