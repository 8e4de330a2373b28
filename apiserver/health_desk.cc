#include "apiserver/health_desk.h"

#include <memory>
#include <optional>

namespace asya::apiserver {

HealthDesk::HealthDesk(std::vector<HealthCheck> checks, bool tell_why, Submit submit, Refuse refuse)
    : checks_(std::move(checks)), tell_why_(tell_why), submit_(std::move(submit)), refuse_(std::move(refuse)) {}

void HealthDesk::Answer(http::Request request, http::Responder responder) {
  // What asks nobody is answered here, so that a server that is busy is not taken for dead.
  if (request.path.rfind("/livez", 0) == 0) return responder.Send(AnswerHealth(request, checks_, tell_why_));
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < kWaitingMax) {
      waiting_.push_back({std::move(request), std::move(responder)});
      if (std::exchange(submitted_, true)) return;
    } else {
      return refuse_(std::move(responder));
    }
  }
  if (submit_([this] { Run(); })) return;
  std::vector<Question> refused;
  {
    const std::lock_guard lock(mutex_);
    submitted_ = false;
    refused.swap(waiting_);
  }
  for (Question& question : refused) refuse_(std::move(question.responder));
}

void HealthDesk::Run() {
  for (;;) {
    std::vector<Question> asked;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        submitted_ = false;
        return;
      }
      asked.swap(waiting_);
    }
    const std::vector<HealthCheck> checks = RunOnceEach();
    for (Question& question : asked) question.responder.Send(AnswerHealth(question.request, checks, tell_why_));
  }
}

std::vector<HealthCheck> HealthDesk::RunOnceEach() const {
  std::vector<HealthCheck> checks;
  for (const HealthCheck& check : checks_) {
    const auto outcome = std::make_shared<std::optional<Status>>();
    checks.push_back({check.name,
                      [&check, outcome] {
                        if (!*outcome) *outcome = check.run();
                        return **outcome;
                      },
                      check.ready_only});
  }
  return checks;
}

}  // namespace asya::apiserver
