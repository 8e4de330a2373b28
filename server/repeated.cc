#include "server/repeated.h"

#include <utility>

namespace asya::server {

Repeated::Repeated(std::chrono::milliseconds period, std::function<Status()> work,
                   std::function<void(const Error&)> on_trouble)
    : period_(period),
      work_(std::move(work)),
      on_trouble_(std::move(on_trouble)),
      periodic_([this] { return Run(); }) {}

Periodic::Pause Repeated::Run() {
  const Status done = work_();
  const std::string trouble = done.ok() ? "" : done.error().message;
  if (std::exchange(trouble_, trouble) != trouble && !done.ok()) on_trouble_(done.error());
  return Periodic::Every(period_);
}

}  // namespace asya::server
