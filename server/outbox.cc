#include "server/outbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/base/sha256.h"

namespace asya::server {
namespace {

constexpr std::size_t kSenders = 4;         // each waits for the confirms of one batch
constexpr std::size_t kBatchMessages = 64;  // of one sender
constexpr std::size_t kUnderWay = 256;
constexpr std::chrono::milliseconds kConfirmLimit{30'000};
constexpr std::chrono::milliseconds kPause{1000};  // before a message that was not taken is sent again
constexpr std::chrono::milliseconds kStopGrace{1000};
constexpr std::string_view kIdMember = R"({"id":")";

// The same each time that the message is sent. An envelope of ours begins with its id, which has no escapes.
std::string MessageId(std::string_view envelope) {
  if (!envelope.starts_with(kIdMember)) return Sha256Hex(envelope);
  const std::string_view id = envelope.substr(kIdMember.size());
  return std::string(id.substr(0, id.find('"'))) + ":first";
}

// What Wrap() made.
ports::Outgoing Unwrap(const std::string& body) {
  const std::size_t line = body.find('\n');
  if (line == std::string::npos) return {};
  std::string envelope = body.substr(line + 1);
  std::string id = MessageId(envelope);
  return {body.substr(0, line), std::move(envelope), std::move(id)};
}

}  // namespace

Outbox::Outbox(Publish publish, Refuse refuse, std::unique_ptr<ports::MessageQueue> queue, observe::Logger logger)
    : publish_(std::move(publish)),
      refuse_(std::move(refuse)),
      logger_(std::move(logger)),
      queue_(std::move(queue)),
      executor_(kSenders, kUnderWay) {}

Outbox::~Outbox() { Stop(); }

void Outbox::Start() {
  executor_.Start();
  queue_->Start(*this);
  started_ = true;
}

void Outbox::Stop() {
  if (!std::exchange(started_, false)) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  executor_.Stop();
  queue_->Stop(kStopGrace);
}

void Outbox::OnConnection(bool connected, const std::string& /*reason*/) {
  if (!connected) return;
  settled_ = 0;
  queue_->Grant(kUnderWay);
}

void Outbox::OnDeliveries(std::vector<ports::Delivery> deliveries) {
  {
    const std::lock_guard lock(mutex_);
    std::move(deliveries.begin(), deliveries.end(), std::back_inserter(waiting_));
    if (senders_ == kSenders) return;
    ++senders_;
  }
  // Refused only while it stops; then the messages stay.
  static_cast<void>(executor_.Submit([this] { SendWaiting(); }));
}

void Outbox::SendWaiting() {
  for (;;) {
    std::vector<ports::Delivery> batch;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty() || stopping_) {
        --senders_;
        return;
      }
      const auto count = static_cast<std::ptrdiff_t>(std::min(kBatchMessages, waiting_.size()));
      std::move(waiting_.begin(), waiting_.begin() + count, std::back_inserter(batch));
      waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    }
    Send(std::move(batch));
  }
}

void Outbox::Send(std::vector<ports::Delivery> batch) {
  std::vector<ports::Outgoing> messages;
  messages.reserve(batch.size());
  for (const ports::Delivery& delivery : batch) messages.push_back(Unwrap(delivery.body));
  const std::vector<Status> outcomes = publish_(messages, kConfirmLimit);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    ports::Settlement settlement;
    settlement.tag = batch[i].tag;
    if (!Done(messages[i], outcomes[i])) {
      settlement.action = ports::Settlement::Action::kRetry;
      settlement.retry_body = std::move(batch[i].body);
      settlement.retry_delay = kPause;
    }
    queue_->Settle(std::move(settlement));
  }
}

bool Outbox::Done(const ports::Outgoing& message, const Status& sent) {
  // The limit was not known when the task came in, or has become smaller since. Time does not help.
  if (!sent.ok() && sent.error().code == ErrorCode::kTooLarge) {
    const Status refused = refuse_(message.body, sent.error());
    if (!refused.ok()) {
      Tell(message.queue, refused);
      return false;
    }
    logger_.Warning("a first message does not fit its queue", {{"id", message.message_id}, {"queue", message.queue}});
    return true;
  }
  Tell(message.queue, sent);
  return sent.ok();
}

void Outbox::Tell(const std::string& queue, const Status& sent) {
  {
    const std::lock_guard lock(mutex_);
    const bool changed = sent.ok() ? held_up_.erase(queue) > 0 : held_up_.insert(queue).second;
    if (!changed) return;
  }
  if (sent.ok()) return logger_.Info("first messages go to their broker again", {{"queue", queue}});
  logger_.Warning("first messages wait for their broker", {{"queue", queue}, {"reason", sent.error().message}});
}

void Outbox::OnSettled(ports::DeliveryTag /*tag*/, Status /*status*/) {
  // A grant is a message to the broker.
  if (++settled_ < kUnderWay / 4) return;
  queue_->Grant(std::exchange(settled_, 0));
}

}  // namespace asya::server
