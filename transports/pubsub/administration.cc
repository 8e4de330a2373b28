#include "transports/pubsub/administration.h"

#include <algorithm>
#include <future>
#include <utility>

#include "transports/pubsub/marks.h"

namespace asya::transports::pubsub {
namespace {

constexpr const char* kOwner = "asya-owner";

Error Gone() { return Fail(ErrorCode::kUnavailable, "not connected to Pub/Sub"); }

// What another caller's answer may not outlive: shared by the caller, who may stop waiting, and the thread.
template <class T>
struct Promised {
  std::promise<T> promise;
  std::future<T> future = promise.get_future();
};

bool IsLabel(const std::string& text) {
  constexpr std::size_t kLabelBytesMax = 63;
  return text.size() <= kLabelBytesMax &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
}

}  // namespace

Administration::Administration(const AdministrationSettings& settings, const Clock& clock)
    : settings_(settings),
      ledger_(std::string(kLedger) + "-" + RandomHex(8)),
      clock_(clock),
      loop_(clock),
      depths_(clock) {}

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

Result<std::string> Administration::Ask(const char* method, const std::string& request) {
  if (!thread_.joinable()) return Gone();
  auto promised = std::make_shared<Promised<Result<std::string>>>();
  loop_.Post([this, method, request, promised] {
    waiting_.push_back([this, method, request, promised](const Status& connected) {
      if (!connected.ok()) {
        promised->promise.set_value(connected.error());
        return;
      }
      channel_->Call(method, request, settings_.ask_limit,
                     [promised](Result<std::string> answer) { promised->promise.set_value(std::move(answer)); });
    });
  });
  if (promised->future.wait_for(settings_.ask_limit + std::chrono::seconds(1)) != std::future_status::ready) {
    return Fail(ErrorCode::kTimeout, "Pub/Sub did not answer in time");
  }
  return promised->future.get();
}

// What is there already is as good as made.
Status Administration::AskToMake(const char* method, const std::string& request) {
  const auto made = Ask(method, request);
  if (made.ok() || made.error().code == ErrorCode::kExists) return Ok();
  return made.error();
}

Status Administration::MakeSharedOnce() {
  {
    const std::lock_guard lock(mutex_);
    if (shared_made_) return Ok();
  }
  Subscription lost;
  lost.name = SubscriptionName(settings_.address.project, kLost);
  lost.topic = TopicName(settings_.address.project, kLost);
  lost.ack_deadline_s = settings_.ack_deadline_s;
  lost.retention_s = kRetentionS;
  ASYA_TRY_STATUS(AskToMake(kCreateTopic, EncodeTopic(lost.topic, {})));
  ASYA_TRY_STATUS(AskToMake(kCreateSubscription, EncodeSubscription(lost)));
  const std::lock_guard lock(mutex_);
  shared_made_ = true;
  return Ok();
}

Subscription Administration::Wanted(const std::string& queue) const {
  const std::string& project = settings_.address.project;
  return {
      SubscriptionName(project, queue), TopicName(project, queue), settings_.ack_deadline_s, settings_.retention_s, {},
      TopicName(project, kLost),        kDeliveryAttemptsMax};
}

Status Administration::Ensure(const ports::QueueSpec& spec) {
  if (!IsLabel(spec.owner_uid)) return Invalid("owner", "lower case letters, digits, - and _ are accepted");
  ASYA_TRY_STATUS(MakeSharedOnce());
  Subscription wanted = Wanted(spec.name);
  wanted.labels[kOwner] = spec.owner_uid;
  ASYA_TRY_STATUS(AskToMake(kCreateTopic, EncodeTopic(wanted.topic, wanted.labels)));
  const auto made = Ask(kCreateSubscription, EncodeSubscription(wanted));
  if (!made.ok() && made.error().code != ErrorCode::kExists) return made.error();
  if (!made.ok()) ASYA_TRY_STATUS(Adopt(wanted));
  {
    const std::lock_guard lock(mutex_);
    queues_.insert(spec.name);
  }
  depths_.Add(spec.name);
  loop_.Post([] {});  // so that the thread begins to look
  return Ok();
}

// The subscription is there: another owner's is left alone, other settings are changed.
Status Administration::Adopt(const Subscription& wanted) {
  ASYA_TRY(const std::string answer, Ask(kGetSubscription, EncodeName(wanted.name)));
  ASYA_TRY(const Subscription found, DecodeSubscription(answer));
  const auto owner = found.labels.find(kOwner);
  if (owner == found.labels.end() || owner->second != wanted.labels.at(kOwner)) {
    return Fail(ErrorCode::kConflict, wanted.name + " belongs to another owner");
  }
  if (found.topic != wanted.topic) {
    return Fail(ErrorCode::kConflict, wanted.name + " belongs to the topic " + found.topic +
                                          "; it is not changed: remove it when it is empty");
  }
  std::vector<std::string> changed;
  if (found.ack_deadline_s != wanted.ack_deadline_s) changed.emplace_back("ack_deadline_seconds");
  if (found.retention_s != wanted.retention_s) changed.emplace_back("message_retention_duration");
  if (found.dead_letter_topic != wanted.dead_letter_topic ||
      found.delivery_attempts_max != wanted.delivery_attempts_max) {
    changed.emplace_back("dead_letter_policy");
  }
  if (changed.empty()) return Ok();
  const auto updated = Ask(kUpdateSubscription, EncodeUpdate(wanted, changed));
  return updated.ok() ? Ok() : Status(updated.error());
}

// The topic goes first, so that nobody publishes into what is being removed.
Status Administration::Remove(const std::string& name, bool force) {
  const std::string subscription = SubscriptionName(settings_.address.project, name);
  const auto found = Ask(kGetSubscription, EncodeName(subscription));
  if (!found.ok() && found.error().code != ErrorCode::kNotFound) return found.error();
  if (found.ok() && !force) {
    std::int64_t held = depths_.Messages(name);
    if (held == 0) {
      ASYA_TRY(const bool something, HoldsSomething(name));
      if (something) held = 1;
    }
    if (held > 0) {
      return Fail(ErrorCode::kConflict, "queue " + name + " holds " + std::to_string(held) + " messages");
    }
  }
  const std::string topic = TopicName(settings_.address.project, name);
  for (const auto& [method, full] : {std::pair{kDeleteTopic, topic}, std::pair{kDeleteSubscription, subscription}}) {
    const auto removed = Ask(method, EncodeName(full));
    if (!removed.ok() && removed.error().code != ErrorCode::kNotFound) return removed.error();
  }
  depths_.Remove(name);
  auto forgotten = std::make_shared<std::string>(name);
  loop_.Post([this, forgotten] {
    if (publishing_ != nullptr) publishing_->Forget(*forgotten);
  });
  const std::lock_guard lock(mutex_);
  queues_.erase(name);
  return Ok();
}

// Counts may be wrong; before a queue is dropped somebody looks.
Result<bool> Administration::HoldsSomething(const std::string& queue) {
  const std::string subscription = SubscriptionName(settings_.address.project, queue);
  ASYA_TRY(const std::string answer, Ask(kPull, EncodePull(subscription, 1, true)));
  ASYA_TRY(const std::vector<Received> received, DecodePull(answer));
  if (received.empty()) return false;
  auto shared = std::make_shared<std::string>(answer);
  loop_.Post([this, queue, shared] {
    if (ready_) Looked(queue, *shared);
  });
  return true;
}

Result<ports::QueueStats> Administration::Stats(const std::string& name) {
  const auto found = Ask(kGetSubscription, EncodeName(SubscriptionName(settings_.address.project, name)));
  if (found.ok()) return depths_.Stats(name);
  if (found.error().code == ErrorCode::kNotFound) return Fail(ErrorCode::kNotFound, "there is no queue " + name);
  return found.error();
}

Result<std::vector<std::string>> Administration::List() {
  const std::string prefix = SubscriptionName(settings_.address.project, "");
  std::vector<std::string> names;
  std::string token;
  do {
    std::vector<Subscription> found;
    ASYA_TRY(const std::string answer, Ask(kListSubscriptions, EncodeList(settings_.address.project, token)));
    ASYA_TRY(token, DecodeList(answer, found));
    for (const Subscription& one : found) {
      if (one.labels.contains(kOwner) && one.name.starts_with(prefix)) names.push_back(one.name.substr(prefix.size()));
    }
  } while (!token.empty());
  return names;
}

std::shared_ptr<void> Administration::SubscribeHints(std::function<void(const std::string&)> on_work) {
  const std::lock_guard lock(mutex_);
  const auto place = subscribers_.insert(subscribers_.end(), std::move(on_work));
  return {static_cast<void*>(this), [this, place](void*) {
            const std::lock_guard ending(mutex_);
            subscribers_.erase(place);
          }};
}

Status Administration::Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout) {
  if (!thread_.joinable()) return Gone();
  std::vector<Publication> batch;
  for (const ports::Outgoing& message : messages) {
    if (message.body.size() > settings_.message_bytes_max) {
      return Fail(ErrorCode::kTooLarge, "a message for " + message.queue + " has " +
                                            std::to_string(message.body.size()) + " bytes; the limit is " +
                                            std::to_string(settings_.message_bytes_max));
    }
    batch.push_back({message.queue, message.body, Marked(message.message_id, 0, WallTime{})});
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
    return Fail(ErrorCode::kTimeout, "Pub/Sub did not confirm in time; the outcome is unknown");
  }
  const Status sent = promised->future.get();
  if (!sent.ok()) return sent;
  std::set<std::string> queues;
  for (const ports::Outgoing& message : messages) {
    depths_.Arrived(message.queue, 1);
    queues.insert(message.queue);
  }
  Tell(queues);
  return sent;
}

}  // namespace asya::transports::pubsub
