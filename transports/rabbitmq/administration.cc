#include "transports/rabbitmq/administration.h"

#include <future>
#include <utility>

namespace asya::transports::rabbitmq {
namespace {

Error Gone() { return Fail(ErrorCode::kUnavailable, "not connected to RabbitMQ"); }

// What another caller's answer may not outlive: shared by the caller, who may stop waiting, and the thread.
template <class T>
struct Promised {
  std::promise<T> promise;
  std::future<T> future = promise.get_future();
};

}  // namespace

Administration::Administration(const AdministrationSettings& settings, const Clock& clock)
    : settings_(settings), clock_(clock), loop_(clock), message_bytes_max_(settings.message_bytes_max) {
  if (settings.management_url.empty()) return;
  management_.emplace(settings.management_url, settings.address);
  numbers_.emplace([this] { return management_->AllNumbers(); }, clock);
}

Administration::~Administration() { Stop(); }

void Administration::Start() {
  ASYA_CHECK(loop_.Open().ok());
  thread_ = std::thread([this] { Work(); });
}

void Administration::Stop() {
  if (!thread_.joinable()) return;
  loop_.Post([this] { stopping_ = true; });
  thread_.join();
}

Result<Method> Administration::Ask(const Build& build) {
  if (!thread_.joinable()) return Gone();
  auto promised = std::make_shared<Promised<Result<Method>>>();
  loop_.Post([this, build, promised] {
    waiting_.push_back([this, build, promised](const Status& connected) {
      if (!connected.ok()) {
        promised->promise.set_value(connected.error());
        return;
      }
      publishing_->calls().Call(build(link_->version()),
                                [promised](Result<Method> answer) { promised->promise.set_value(std::move(answer)); });
    });
  });
  if (promised->future.wait_for(settings_.ask_limit) != std::future_status::ready) {
    return Fail(ErrorCode::kTimeout, "RabbitMQ did not answer in time");
  }
  return promised->future.get();
}

Status Administration::DeclareSharedOnce() {
  {
    const std::lock_guard lock(mutex_);
    if (shared_declared_) return Ok();
  }
  std::vector<std::string> methods = DeclareShared();
  if (!settings_.exchange.empty()) methods.push_back(DeclareExchange(settings_.exchange, "direct", {}));
  for (const std::string& method : methods) {
    ASYA_TRY(const Method done, Ask([&](int) { return method; }));
    static_cast<void>(done);
  }
  const std::lock_guard lock(mutex_);
  shared_declared_ = true;
  return Ok();
}

Status Administration::Ensure(const ports::QueueSpec& spec) {
  if (spec.name.size() > kShortStringBytesMax || spec.owner_uid.size() > kShortStringBytesMax) {
    return Invalid("name", "at most 255 bytes are accepted");
  }
  ASYA_TRY_STATUS(DeclareSharedOnce());
  const auto made = Ask([&](int version) {
    return DeclareQueue(spec.name, Existing::kDeclare, QueueArguments(settings_.queue_type, spec.owner_uid, version));
  });
  if (!made.ok()) {
    const std::string& text = made.error().message;
    if (text.find("x-dead-letter-routing-key") != std::string::npos) {
      return Fail(ErrorCode::kConflict, "queue " + spec.name + " belongs to another owner");
    }
    if (text.find("inequivalent arg") != std::string::npos) {
      return Fail(ErrorCode::kConflict, "queue " + spec.name + " is there with other arguments (" + text +
                                            "); it is not changed: remove it when it is empty");
    }
    return made.error();
  }
  for (const std::string& exchange : {std::string(kDueExchange), settings_.exchange}) {
    if (exchange.empty()) continue;
    ASYA_TRY(const Method bound, Ask([&](int) { return BindQueue(spec.name, exchange, spec.name); }));
    static_cast<void>(bound);
  }
  const std::lock_guard lock(mutex_);
  queues_.insert(spec.name);
  return Ok();
}

Result<Method> Administration::Look(const std::string& queue) {
  auto found = Ask([&](int) { return DeclareQueue(queue, Existing::kPassive, {}); });
  const bool is_missing = !found.ok() && found.error().code == ErrorCode::kNotFound;
  {
    // Of what is asked for hints are given too, whoever has made it.
    const std::lock_guard lock(mutex_);
    if (found.ok()) queues_.insert(queue);
    if (is_missing) queues_.erase(queue);
  }
  if (is_missing) return Fail(ErrorCode::kNotFound, "there is no queue " + queue);
  return found;
}

Status Administration::Remove(const std::string& name, bool force) {
  const auto found = Look(name);
  if (!found.ok()) return found.error().code == ErrorCode::kNotFound ? Ok() : Status(found.error());
  if (!force) {
    std::int64_t held = found->messages;
    if (management_) {
      const auto numbers = management_->Numbers(name);
      // A queue that is new has no numbers yet.
      if (!numbers.ok() && numbers.error().code != ErrorCode::kNotFound) return numbers.error();
      if (numbers.ok()) held += numbers->unacknowledged;
    }
    if (held > 0) {
      return Fail(ErrorCode::kConflict, "queue " + name + " holds " + std::to_string(held) + " messages");
    }
    if (found->consumers > 0) {
      return Fail(ErrorCode::kConflict,
                  "queue " + name + " has " + std::to_string(found->consumers) + " consumers, which may hold messages");
    }
  }
  ASYA_TRY(const Method removed, Ask([&](int) { return DeleteQueue(name); }));
  static_cast<void>(removed);
  const std::lock_guard lock(mutex_);
  queues_.erase(name);
  return Ok();
}

Result<ports::QueueStats> Administration::Stats(const std::string& name) {
  ASYA_TRY(const Method found, Look(name));
  ports::QueueStats stats;
  stats.visible = found.messages;
  if (!numbers_) return stats;
  const KeptNumbers::Known known = numbers_->Of(name);
  // What waits has to be worked on whatever is in work; but a queue of which that is not known is not an empty one. Of
  // consumers there may be none: a relay that wants no more has cancelled its own.
  if (known.problem && stats.visible == 0) return *known.problem;
  stats.in_flight = known.numbers.unacknowledged;
  stats.arrived_total = known.numbers.published;
  stats.settled_total = known.numbers.acknowledged;
  return stats;
}

Result<std::vector<std::string>> Administration::List() {
  if (management_) return management_->OurQueues();
  std::set<std::string> known;
  {
    const std::lock_guard lock(mutex_);
    known = queues_;
  }
  std::vector<std::string> names;
  for (const std::string& name : known) {
    const auto found = Look(name);
    if (found.ok()) names.push_back(name);
    if (!found.ok() && found.error().code != ErrorCode::kNotFound) return found.error();
  }
  // With nothing to ask for, still say whether the broker answers.
  if (known.empty()) ASYA_TRY_STATUS(DeclareSharedOnce());
  return names;
}

std::shared_ptr<void> Administration::SubscribeHints(std::function<void(const std::string&)> on_work) {
  const std::lock_guard lock(mutex_);
  const auto place = subscribers_.insert(subscribers_.end(), std::move(on_work));
  loop_.Post([] {});  // so that the thread begins to look
  return {static_cast<void*>(this), [this, place](void*) {
            const std::lock_guard ending(mutex_);
            subscribers_.erase(place);
          }};
}

Status Administration::Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout) {
  if (!thread_.joinable()) return Gone();
  std::vector<Publication> batch;
  for (const ports::Outgoing& message : messages) {
    if (message.body.size() > message_bytes_max_) {
      return Fail(ErrorCode::kTooLarge, "a message for " + message.queue + " has " +
                                            std::to_string(message.body.size()) + " bytes; the limit is " +
                                            std::to_string(message_bytes_max_));
    }
    batch.push_back({std::make_shared<const ports::Outgoing>(message), clock_.Now()});
  }
  if (batch.empty()) return Ok();
  auto promised = std::make_shared<Promised<Status>>();
  auto shared = std::make_shared<std::vector<Publication>>(std::move(batch));
  loop_.Post([this, shared, promised] {
    waiting_.push_back([this, shared, promised](const Status& connected) {
      if (!connected.ok()) {
        promised->promise.set_value(connected);
        return;
      }
      publishing_->Send(std::move(*shared), [promised](Status sent) { promised->promise.set_value(std::move(sent)); });
    });
  });
  if (promised->future.wait_for(timeout) != std::future_status::ready) {
    return Fail(ErrorCode::kTimeout, "RabbitMQ did not confirm in time; the outcome is unknown");
  }
  const Status sent = promised->future.get();
  std::set<std::string> queues;
  for (const ports::Outgoing& message : messages) queues.insert(message.queue);
  if (sent.ok()) {
    for (const std::string& queue : queues) Tell(queue);
  }
  return sent;
}

}  // namespace asya::transports::rabbitmq
