// GatewayComposer: the built-in composition with the CA by which relays and KEDA know the servers now.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "compositions/actor_composer.h"
#include "core/base/result.h"
#include "ports/composer.h"

namespace asya::server {

// Thread safe.
class GatewayComposer final : public ports::Composer {
 public:
  // `serving_ca` gives PEM, or an error while it is not known; none: nobody is told one. `for_relays`: they report to
  // the servers.
  GatewayComposer(compositions::Settings settings, std::function<Result<std::string>()> serving_ca, bool for_relays)
      : settings_(std::move(settings)), serving_ca_(std::move(serving_ca)), for_relays_(for_relays) {
    if (!serving_ca_) composer_ = std::make_shared<const compositions::ActorComposer>(settings_);
  }

  // As ActorComposer; kUnavailable as well, while the CA is not known: without it no relay could report, and KEDA would
  // not ask.
  [[nodiscard]] Result<ports::RenderedSet> Compose(const ports::ComposeInput& input) const override {
    ASYA_TRY(const std::shared_ptr<const compositions::ActorComposer> composer, Now());
    return composer->Compose(input);
  }

 private:
  [[nodiscard]] Result<std::shared_ptr<const compositions::ActorComposer>> Now() const {
    if (!serving_ca_) return composer_;
    ASYA_TRY(const std::string pem, serving_ca_());
    const std::lock_guard lock(mutex_);
    if (!composer_ || pem != settings_.scaler_ca_pem) {
      settings_.scaler_ca_pem = pem;
      if (for_relays_) settings_.gateway_ca_pem = pem;
      composer_ = std::make_shared<const compositions::ActorComposer>(settings_);
    }
    return composer_;
  }

  mutable std::mutex mutex_;
  mutable compositions::Settings settings_;
  const std::function<Result<std::string>()> serving_ca_;
  const bool for_relays_;
  mutable std::shared_ptr<const compositions::ActorComposer> composer_;
};

}  // namespace asya::server
