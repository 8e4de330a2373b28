// GatewayComposer: the built-in composition with the CA by which relays know the gateway now.
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
  // `gateway_ca` gives PEM, or an error while it is not known; none: relays need none.
  GatewayComposer(compositions::Settings settings, std::function<Result<std::string>()> gateway_ca)
      : settings_(std::move(settings)), gateway_ca_(std::move(gateway_ca)) {
    if (!gateway_ca_) composer_ = std::make_shared<const compositions::ActorComposer>(settings_);
  }

  // As ActorComposer; kUnavailable as well, while the CA is not known: without it no relay could report.
  [[nodiscard]] Result<ports::RenderedSet> Compose(const ports::ComposeInput& input) const override {
    ASYA_TRY(const std::shared_ptr<const compositions::ActorComposer> composer, Now());
    return composer->Compose(input);
  }

 private:
  [[nodiscard]] Result<std::shared_ptr<const compositions::ActorComposer>> Now() const {
    if (!gateway_ca_) return composer_;
    ASYA_TRY(const std::string pem, gateway_ca_());
    const std::lock_guard lock(mutex_);
    if (!composer_ || pem != settings_.gateway_ca_pem) {
      settings_.gateway_ca_pem = pem;
      composer_ = std::make_shared<const compositions::ActorComposer>(settings_);
    }
    return composer_;
  }

  mutable std::mutex mutex_;
  mutable compositions::Settings settings_;
  const std::function<Result<std::string>()> gateway_ca_;
  mutable std::shared_ptr<const compositions::ActorComposer> composer_;
};

}  // namespace asya::server
