#include <poll.h>

#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "hop.h"
#include "transports/rabbitmq/calls.h"
#include "transports/rabbitmq/confirms.h"
#include "transports/rabbitmq/consumer.h"
#include "transports/rabbitmq/link.h"
#include "transports/rabbitmq/topology.h"

namespace {

using asya::RealClock;
using asya::transports::rabbitmq::Ack;
using asya::transports::rabbitmq::Arrival;
using asya::transports::rabbitmq::Calls;
using asya::transports::rabbitmq::Consume;
using asya::transports::rabbitmq::Consumer;
using asya::transports::rabbitmq::ConsumerSettings;
using asya::transports::rabbitmq::DeclareQueue;
using asya::transports::rabbitmq::DeleteQueue;
using asya::transports::rabbitmq::Existing;
using asya::transports::rabbitmq::Link;
using asya::transports::rabbitmq::LinkSettings;
using asya::transports::rabbitmq::MethodId;
using asya::transports::rabbitmq::OpenChannel;
using asya::transports::rabbitmq::Properties;
using asya::transports::rabbitmq::Publication;
using asya::transports::rabbitmq::Publish;
using asya::transports::rabbitmq::Publishing;
using asya::transports::rabbitmq::Qos;
using asya::transports::rabbitmq::QueueArguments;
using asya::transports::rabbitmq::QueueType;
using asya::transports::rabbitmq::SelectConfirm;
using asya::transports::rabbitmq::Table;

LinkSettings SettingsOf(const Broker& broker) {
  LinkSettings settings;
  settings.address.host = broker.host;
  settings.address.port = broker.port;
  return settings;
}

void Wait(Link& first, Link& second) {
  pollfd ready[2] = {{first.fd(), static_cast<short>(first.wants_write() ? POLLIN | POLLOUT : POLLIN), 0},
                     {second.fd(), static_cast<short>(second.wants_write() ? POLLIN | POLLOUT : POLLIN), 0}};
  poll(ready, 2, 1);
}

void Ask(const Broker& broker, const std::vector<std::string>& methods) {
  Calls* calls = nullptr;
  Link link(SettingsOf(broker), RealClock(), [&](const Arrival& arrival) { calls->Take(arrival); });
  Calls own(link, 1, RealClock());
  calls = &own;
  if (!link.Begin().ok()) std::abort();
  std::size_t answered = 0;
  bool asked = false;
  while (answered < methods.size()) {
    if (!link.Advance().ok()) std::abort();
    if (link.open() && !std::exchange(asked, true)) {
      for (const auto& method : methods) own.Call(method, [&](const auto&) { ++answered; });
    }
    if (!link.Flush().ok()) std::abort();
    Wait(link, link);
  }
}

}  // namespace

void Drop(const Broker& broker) { Ask(broker, {DeleteQueue(broker.from), DeleteQueue(broker.to)}); }

void MakeAndFill(const Broker& broker, bool quorum) {
  const Table arguments = QueueArguments(quorum ? QueueType::kQuorum : QueueType::kClassic, "spike", 310);
  Ask(broker, {DeclareQueue(broker.from, Existing::kDeclare, arguments),
               DeclareQueue(broker.to, Existing::kDeclare, arguments)});
  int confirmed = 0;
  std::unique_ptr<Publishing> publishing;
  Link link(SettingsOf(broker), RealClock(), [&](const Arrival& arrival) { (void)publishing->Take(arrival); });
  publishing = std::make_unique<Publishing>(link, "", RealClock());
  if (!link.Begin().ok()) std::abort();
  bool sent = false;
  const std::string body(1024, 'x');
  while (confirmed < kMessages) {
    if (!link.Advance().ok()) std::abort();
    if (link.open() && !std::exchange(sent, true)) {
      publishing->Open();
      for (int i = 0; i < kMessages; ++i) {
        auto message =
            std::make_shared<asya::ports::Outgoing>(asya::ports::Outgoing{broker.from, body, "0123456789abcdef"});
        publishing->Send({Publication{std::move(message)}}, [&](const auto&) { ++confirmed; });
      }
    }
    publishing->Pump();
    if (!link.Flush().ok()) std::abort();
    Wait(link, link);
  }
}

void HopWithOwnCodec(const Broker& broker) {
  std::uint64_t delivered = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t acked = 0;
  Link* publishing = nullptr;
  Properties properties;
  properties.message_id = "0123456789abcdef";
  Link in(SettingsOf(broker), RealClock(), [&](const Arrival& arrival) {
    if (arrival.method.id != MethodId::kDeliver) return;
    ++delivered;
    publishing->Send(1, Publish("", broker.to));
    publishing->SendContent(1, properties, arrival.body);
  });
  Link out(SettingsOf(broker), RealClock(), [&](const Arrival& arrival) {
    if (arrival.method.id == MethodId::kAck) confirmed = std::max(confirmed, arrival.method.tag);
  });
  publishing = &out;
  if (!in.Begin().ok() || !out.Begin().ok()) std::abort();
  bool begun = false;
  while (acked < kMessages) {
    if (!in.Advance().ok() || !out.Advance().ok()) std::abort();
    if (in.open() && out.open() && !std::exchange(begun, true)) {
      out.Send(1, OpenChannel());
      out.Send(1, SelectConfirm());
      in.Send(1, OpenChannel());
      in.Send(1, Qos(kPrefetch));
      in.Send(1, Consume(broker.from, "c"));
    }
    if (confirmed - acked >= kAckEvery || (confirmed == kMessages && acked < confirmed)) {
      in.Send(1, Ack(confirmed, true));
      acked = confirmed;
    }
    if (!in.Flush().ok() || !out.Flush().ok()) std::abort();
    Wait(in, out);
  }
}

namespace {

class Forwarder final : public asya::ports::ConsumerEvents {
 public:
  Forwarder(Consumer& consumer, std::string to) : consumer_(consumer), to_(std::move(to)) {}
  void OnDeliveries(std::vector<asya::ports::Delivery> deliveries) override {
    for (auto& delivery : deliveries) {
      asya::ports::Settlement settlement;
      settlement.tag = delivery.tag;
      settlement.publish.push_back({to_, std::move(delivery.body), "0123456789abcdef"});
      consumer_.Settle(std::move(settlement));
    }
  }
  void OnStarted(asya::ports::DeliveryTag, asya::Status) override {}
  void OnSettled(asya::ports::DeliveryTag, asya::Status) override {
    if (++settled_ % kAckEvery == 0) consumer_.Grant(kAckEvery);
    if (settled_ < kMessages) return;
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  void OnConnection(bool connected, const std::string&) override {
    if (connected) consumer_.Grant(kPrefetch);
  }
  void WaitDone() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }

 private:
  Consumer& consumer_;
  const std::string to_;
  int settled_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

}  // namespace

void HopWithConsumer(const Broker& broker) {
  asya::Random random(1);
  ConsumerSettings settings;
  settings.address = SettingsOf(broker).address;
  settings.queue = broker.from;
  Consumer consumer(settings, RealClock(), random);
  Forwarder forwarder(consumer, broker.to);
  consumer.Start(forwarder);
  forwarder.WaitDone();
  consumer.Stop(std::chrono::seconds(5));
}
