#include "server/outbox.h"

#include <utility>

#include "core/base/sha256.h"

namespace asya::server {
namespace {

constexpr std::size_t kSenders = 8;  // each waits for the confirm of one message
constexpr std::size_t kUnderWay = 256;
constexpr std::chrono::milliseconds kConfirmLimit{30'000};
constexpr std::chrono::milliseconds kPause{1000};  // before a message that was not taken is sent again
constexpr std::chrono::milliseconds kStopGrace{1000};

}  // namespace

Outbox::Outbox(QueueDirectory& directory, std::unique_ptr<ports::MessageQueue> queue, observe::Logger logger)
    : directory_(directory), logger_(std::move(logger)), queue_(std::move(queue)), executor_(kSenders, kUnderWay) {}

Outbox::~Outbox() { Stop(); }

Status Outbox::Start(ports::QueueAdmin& local) {
  ASYA_TRY_STATUS(local.Ensure({kQueue, "asya-server"}));
  executor_.Start();
  queue_->Start(*this);
  started_ = true;
  return Ok();
}

void Outbox::Stop() {
  if (!std::exchange(started_, false)) return;
  executor_.Stop();
  queue_->Stop(kStopGrace);
}

void Outbox::OnConnection(bool connected, const std::string& /*reason*/) {
  if (connected) queue_->Grant(kUnderWay);
}

void Outbox::OnDeliveries(std::vector<ports::Delivery> deliveries) {
  for (ports::Delivery& delivery : deliveries) {
    auto shared = std::make_shared<ports::Delivery>(std::move(delivery));
    // Refused only while it stops; then the message stays.
    static_cast<void>(executor_.Submit([this, shared] { Send(*shared); }));
  }
}

void Outbox::Send(const ports::Delivery& delivery) {
  const std::size_t line = delivery.body.find('\n');
  ports::Settlement settlement;
  settlement.tag = delivery.tag;
  if (line != std::string::npos) {
    const ports::Outgoing message{delivery.body.substr(0, line), delivery.body.substr(line + 1),
                                  Sha256Hex(delivery.body)};
    const Status sent = directory_.PublishRemote(message, kConfirmLimit);
    if (!sent.ok()) {
      logger_.Warning("a first message waits for its broker",
                      {{"queue", message.queue}, {"reason", sent.error().message}});
      settlement.action = ports::Settlement::Action::kRetry;
      settlement.retry_body = delivery.body;
      settlement.retry_delay = kPause;
    }
  }
  queue_->Settle(std::move(settlement));
}

void Outbox::OnSettled(ports::DeliveryTag /*tag*/, Status /*status*/) { queue_->Grant(1); }

}  // namespace asya::server
