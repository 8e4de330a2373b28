#include "reconcilers/wary_queues.h"

#include <optional>
#include <utility>

namespace asya::reconcilers {
namespace {

bool ConcernsTheBroker(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout || code == ErrorCode::kClosed;
}

}  // namespace

// Each kind of question apart: a broker may answer some of them elsewhere, such as by its management API.
struct WaryQueues::Memory {
  struct Failure {
    std::optional<Error> error;
    SteadyTime at{};
    bool asks = false;  // somebody finds out whether it is over
  };
  std::mutex mutex;
  Failure ensure;
  Failure remove;
  Failure stats;
  Failure list;
};

class WaryQueues::Admin final : public ports::QueueAdmin {
 public:
  Admin(std::shared_ptr<ports::QueueAdmin> broker, std::shared_ptr<Memory> memory, const Clock& clock)
      : broker_(std::move(broker)), memory_(std::move(memory)), clock_(clock) {}

  Status Ensure(const ports::QueueSpec& spec) override {
    return Ask<Status>(memory_->ensure, [&] { return broker_->Ensure(spec); });
  }
  Status Remove(const std::string& name, bool force) override {
    return Ask<Status>(memory_->remove, [&] { return broker_->Remove(name, force); });
  }
  Result<ports::QueueStats> Stats(const std::string& name) override {
    return Ask<Result<ports::QueueStats>>(memory_->stats, [&] { return broker_->Stats(name); });
  }
  Result<std::vector<std::string>> List() override {
    return Ask<Result<std::vector<std::string>>>(memory_->list, [&] { return broker_->List(); });
  }
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> on_work) override {
    return broker_->SubscribeHints(std::move(on_work));
  }

 private:
  template <typename Answer, typename Question>
  Answer Ask(Memory::Failure& failure, const Question& question) {
    if (const auto told = Told(failure)) return *told;
    const SteadyTime begun = clock_.Steady();
    Answer answer = question();
    Learn(failure, begun, answer.ok() ? nullptr : &answer.error());
    return answer;
  }
  // What is answered without a question.
  std::optional<Error> Told(Memory::Failure& failure) {
    const std::lock_guard lock(memory_->mutex);
    if (!failure.error) return std::nullopt;
    if (failure.asks || clock_.Steady() - failure.at < kAvoided) {
      return Fail(ErrorCode::kUnavailable, failure.error->message);
    }
    failure.asks = true;
    return std::nullopt;
  }
  void Learn(Memory::Failure& failure, SteadyTime begun, const Error* error) {
    const SteadyTime now = clock_.Steady();
    const std::lock_guard lock(memory_->mutex);
    failure.asks = false;
    failure.error.reset();
    if (error == nullptr || !ConcernsTheBroker(error->code) || now - begun < kSlow) return;
    failure.error = *error;
    failure.at = now;
  }

  const std::shared_ptr<ports::QueueAdmin> broker_;
  const std::shared_ptr<Memory> memory_;
  const Clock& clock_;
};

WaryQueues::WaryQueues(QueueAdmins& inner, const Clock& clock) : inner_(inner), clock_(clock) {}

WaryQueues::~WaryQueues() = default;

std::shared_ptr<ports::QueueAdmin> WaryQueues::For(const json::Value& transport) {
  auto broker = inner_.For(transport);
  if (broker == nullptr) return nullptr;
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_,
                [](const auto& entry) { return entry.second.broker.expired() && entry.second.admin.expired(); });
  Entry& entry = entries_[broker.get()];
  if (auto admin = entry.admin.lock()) return admin;
  if (entry.memory == nullptr) entry.memory = std::make_shared<Memory>();
  entry.broker = broker;
  auto admin = std::make_shared<Admin>(std::move(broker), entry.memory, clock_);
  entry.admin = admin;
  return admin;
}

}  // namespace asya::reconcilers
