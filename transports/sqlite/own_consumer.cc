#include "transports/sqlite/own_consumer.h"

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <utility>
#include <vector>

#include "transports/sqlite/reactor.h"

namespace asya::transports::sqlite {

// What it is to the reactor, on whose thread everything here happens but Sent() and AwaitSettled().
class OwnConsumer::Inside final : public Peer {
 public:
  void Join(Reactor& reactor, const std::string& queue, ports::ConsumerEvents& events,
            const std::shared_ptr<Inside>& self) {
    events_ = &events;
    session_ = &reactor.Join(queue, self);
  }
  void Leave(Reactor& reactor) {
    if (session_ != nullptr) reactor.Leave(*std::exchange(session_, nullptr));
  }
  [[nodiscard]] Reactor::Session* session() const { return session_; }

  void Welcome(std::chrono::milliseconds /*lease*/, std::size_t /*message_limit_bytes*/) override {
    events_->OnConnection(true, "");
  }
  void Waiting(const std::string& reason) override {
    deliveries_.clear();
    bytes_ = 0;
    Ended(SIZE_MAX);
    events_->OnConnection(false, reason);
  }
  void Deliver(std::uint64_t tag, std::int64_t crash_count, std::int64_t since_us, std::string_view body) override {
    bytes_ += body.size() + 1;
    deliveries_.push_back(
        {ports::DeliveryTag(tag), std::string(body), crash_count, WallTime(std::chrono::microseconds(since_us))});
  }
  void Settled(std::uint64_t tag, const Status& status) override {
    events_->OnSettled(ports::DeliveryTag(tag), status);
    Ended(1);
  }
  [[nodiscard]] std::size_t unsent_bytes() const override { return bytes_; }
  Status Flush() override {
    bytes_ = 0;
    if (!deliveries_.empty()) events_->OnDeliveries(std::exchange(deliveries_, {}));
    return Ok();
  }
  void Started(ports::DeliveryTag tag, bool leased) {
    events_->OnStarted(tag, leased ? Ok() : Status(Fail(ErrorCode::kConflict, "the lease was lost")));
  }

  // Takes no more: what would be leased to it now had to go back at once.
  void End() {
    ending_ = true;
    Revoke();
  }
  void Revoke() {
    if (session_ != nullptr) Reactor::Revoke(*session_);
  }
  void Grant(Reactor& reactor, std::size_t count) {
    if (session_ != nullptr && !ending_) reactor.Grant(*session_, count);
  }

  void Sent() {
    const std::lock_guard lock(mutex_);
    ++settling_;
  }
  void Ended(std::size_t count) {
    {
      const std::lock_guard lock(mutex_);
      settling_ -= std::min(count, settling_);
    }
    settled_.notify_all();
  }
  void AwaitSettled(std::chrono::milliseconds grace) {
    std::unique_lock lock(mutex_);
    settled_.wait_for(lock, grace, [this] { return settling_ == 0; });
  }

 private:
  ports::ConsumerEvents* events_ = nullptr;
  Reactor::Session* session_ = nullptr;  // from Join() to Leave()
  bool ending_ = false;
  std::vector<ports::Delivery> deliveries_;
  std::size_t bytes_ = 0;  // of them, and one for each
  std::mutex mutex_;
  std::condition_variable settled_;
  std::size_t settling_ = 0;
};

OwnConsumer::OwnConsumer(std::shared_ptr<Mailbox> mailbox, Reactor& reactor, std::string queue,
                         std::size_t message_limit_bytes)
    : mailbox_(std::move(mailbox)),
      reactor_(reactor),
      queue_(std::move(queue)),
      message_limit_bytes_(message_limit_bytes),
      inside_(std::make_shared<Inside>()) {}

OwnConsumer::~OwnConsumer() { OwnConsumer::Stop(std::chrono::milliseconds(0)); }

void OwnConsumer::Start(ports::ConsumerEvents& events) {
  ASYA_CHECK(!std::exchange(running_, true));
  mailbox_->Post([inside = inside_, &reactor = reactor_, queue = queue_, &events] {
    inside->Join(reactor, queue, events, inside);
  });
}

void OwnConsumer::Grant(std::size_t count) {
  mailbox_->Post([inside = inside_, &reactor = reactor_, count] { inside->Grant(reactor, count); });
}

void OwnConsumer::RevokeCredits() {
  mailbox_->Post([inside = inside_] { inside->Revoke(); });
}

void OwnConsumer::Begin(ports::DeliveryTag tag, std::int64_t crash_count) {
  mailbox_->Post([inside = inside_, &reactor = reactor_, tag, crash_count] {
    if (inside->session() == nullptr) return;
    inside->Started(tag, reactor.Begin(*inside->session(), tag.get(), crash_count));
  });
}

void OwnConsumer::Settle(std::shared_ptr<const ports::Settlement> settlement) {
  inside_->Sent();
  const bool posted = mailbox_->Post(
      [inside = inside_, &reactor = reactor_, limit = message_limit_bytes_, settlement = std::move(settlement)] {
        if (inside->session() == nullptr) return;
        const Status size = CheckSize(*settlement, limit);
        if (!size.ok()) return inside->Settled(settlement->tag.get(), size);
        reactor.Settle(*inside->session(), *settlement);
      });
  if (!posted) inside_->Ended(1);
}

void OwnConsumer::Stop(std::chrono::milliseconds grace) {
  if (!std::exchange(running_, false)) return;
  mailbox_->Post([inside = inside_] { inside->End(); });
  inside_->AwaitSettled(grace);
  auto left = std::make_shared<std::promise<void>>();
  const auto leaving = left->get_future();
  // The letter alone holds the promise: dropped with the broker's last letters, it is broken and the wait over.
  mailbox_->Post([inside = inside_, &reactor = reactor_, left = std::move(left)] {
    inside->Leave(reactor);
    left->set_value();
  });
  leaving.wait();
}

}  // namespace asya::transports::sqlite
