#include "tests/support/relay_harness.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <condition_variable>
#include <cstring>
#include <deque>

#include "core/base/unique_fd.h"

namespace asya::tests {
namespace {

// Takes one message out of a queue.
class Taker final : public ports::ConsumerEvents {
 public:
  explicit Taker(ports::MessageQueue& queue) : queue_(queue) {}
  void OnDeliveries(std::vector<ports::Delivery> deliveries) override {
    for (ports::Delivery& delivery : deliveries) {
      ports::Settlement settlement;
      settlement.tag = delivery.tag;
      queue_.Settle(settlement);
      body_ = std::move(delivery.body);
    }
  }
  void OnStarted(ports::DeliveryTag, Status) override {}
  void OnSettled(ports::DeliveryTag, Status) override {
    const std::lock_guard lock(mutex_);
    settled_ = true;
    changed_.notify_all();
  }
  void OnConnection(bool connected, const std::string&) override {
    if (connected) queue_.Grant(1);
  }
  std::optional<std::string> Wait(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [this] { return settled_; })) return std::nullopt;
    return body_;
  }

 private:
  ports::MessageQueue& queue_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string body_;
  bool settled_ = false;
};

std::string Ask(const std::string& path, const std::string& request) {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return "";
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "";
  std::string reply;
  char bytes[4096];
  for (ssize_t size = 0; (size = ::recv(socket.get(), bytes, sizeof bytes, 0)) > 0;) {
    reply.append(bytes, static_cast<std::size_t>(size));
  }
  return reply;
}

}  // namespace

RelayHarness::RelayHarness() : broker_(RealClock()) {
  settings.actor = "infer";
  settings.namespace_ = "ns";
  settings.socket_dir = folder_.path();
  settings.metrics.path = folder_.path() + "/metrics.sock";
  broker_.Start();
}

RelayHarness::~RelayHarness() {
  if (service_) Stop();
  broker_.Stop();
}

void RelayHarness::Start(const std::vector<std::string>& actors) {
  for (const std::string& actor : actors) MakeQueue(actor);
  consumer_ = broker_.NewConsumer(model::QueueName("ns", settings.actor));
  service_ =
      std::make_unique<relay::Service>(settings, limits, *consumer_, metrics_, RealClock(), observe::Logger::Silent());
  if (!service_->Open().ok()) std::abort();
  thread_ = std::thread([this] { service_->Run(); });
}

void RelayHarness::Stop() {
  service_->Shutdown();
  thread_.join();
  service_.reset();
}

void RelayHarness::MakeQueue(const std::string& actor) {
  if (!broker_.Admin().Ensure({model::QueueName("ns", actor), "uid-" + actor}).ok()) std::abort();
}

model::Envelope RelayHarness::Make(const std::string& id, const std::vector<std::string>& next,
                                   const std::string& payload) const {
  model::Envelope envelope;
  envelope.id = id;
  envelope.route = {{"prep"}, settings.actor, next};
  envelope.headers = {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, {"mine", "kept"}};
  envelope.status.phase = "pending";
  envelope.status.created_at = "2026-11-18T12:00:00Z";
  envelope.status.deadline_at = "2099-11-18T12:05:00Z";
  envelope.payload = payload;
  return envelope;
}

void RelayHarness::Send(const model::Envelope& envelope) { SendBytes(SerializeEnvelope(envelope)); }

void RelayHarness::SendBytes(const std::string& bytes) {
  if (!broker_.Publisher().Publish({{model::QueueName("ns", settings.actor), bytes, ""}}, kPatience).ok()) std::abort();
}

std::optional<std::string> RelayHarness::TakeBytes(const std::string& actor, std::chrono::milliseconds patience) {
  const auto queue = broker_.NewConsumer(model::QueueName("ns", actor));
  Taker taker(*queue);
  queue->Start(taker);
  auto body = taker.Wait(patience);
  queue->Stop(kPatience);
  return body;
}

std::optional<model::Envelope> RelayHarness::Take(const std::string& actor, std::chrono::milliseconds patience) {
  const auto body = TakeBytes(actor, patience);
  if (!body) return std::nullopt;
  return *model::ParseEnvelope(*body);
}

ports::QueueStats RelayHarness::Stats(const std::string& actor) {
  return *broker_.Admin().Stats(model::QueueName("ns", actor));
}

bool RelayHarness::Eventually(const std::function<bool()>& condition) {
  const auto end = RealClock().Steady() + kPatience;
  while (!condition()) {
    if (RealClock().Steady() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

std::string RelayHarness::Get(const std::string& target) const {
  return Ask(settings.metrics.path, "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
}

std::string RelayHarness::PostDrain() const {
  return Ask(folder_.path() + "/relay.sock", "POST /drain HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
}

}  // namespace asya::tests
