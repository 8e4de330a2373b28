// ActorComposer: the built-in composition, which turns one AsyncActor into the resources that run it.
#pragma once

#include "compositions/settings.h"
#include "ports/composer.h"

namespace asya::compositions {

// Pure: the same input gives the same bytes. Thread safe.
class ActorComposer final : public ports::Composer {
 public:
  explicit ActorComposer(Settings settings) : settings_(std::move(settings)) {}
  // flavors -> defaults -> checks -> rendering. kInvalid with the field; kNotFound naming a flavor that the actor uses
  // and the input lacks.
  [[nodiscard]] Result<ports::RenderedSet> Compose(const ports::ComposeInput& input) const override;

 private:
  const Settings settings_;
};

}  // namespace asya::compositions
