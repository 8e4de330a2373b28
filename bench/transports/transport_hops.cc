#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "bench/transports/measure.h"
#include "core/base/random.h"
#include "core/sql/sqlite/database.h"
#include "transports/sqlite/broker.h"
#include "transports/sqlite/client.h"

namespace asya::bench {
namespace {

constexpr std::chrono::seconds kPatience{60};

class Echo final : public ports::ConsumerEvents {
 public:
  Echo(ports::MessageQueue& queue, std::size_t credits) : queue_(queue), credits_(credits) {}

  void OnDeliveries(std::vector<ports::Delivery> deliveries) override {
    for (auto& delivery : deliveries) {
      bodies_.emplace(delivery.tag, std::move(delivery.body));
      queue_.Begin(delivery.tag, delivery.crash_count + 1);
    }
  }
  void OnStarted(ports::DeliveryTag tag, Status /*status*/) override {
    ports::Settlement settlement;
    settlement.tag = tag;
    settlement.publish.push_back({"asya-bench-next", std::move(bodies_.at(tag)), "id"});
    bodies_.erase(tag);
    queue_.Settle(std::move(settlement));
  }
  void OnSettled(ports::DeliveryTag /*tag*/, Status status) override {
    ASYA_CHECK(status.ok());
    queue_.Grant(1);
    const std::lock_guard lock(mutex_);
    if (++settled_ == kHops) finished_.notify_all();
  }
  void OnConnection(bool connected, const std::string& /*reason*/) override {
    if (connected) queue_.Grant(credits_);
  }
  bool WaitAll() {
    std::unique_lock lock(mutex_);
    return finished_.wait_for(lock, kPatience, [this] { return settled_ == kHops; });
  }

 private:
  ports::MessageQueue& queue_;
  const std::size_t credits_;
  std::map<ports::DeliveryTag, std::string> bodies_;
  std::mutex mutex_;
  std::condition_variable finished_;
  int settled_ = 0;
};

}  // namespace

Result<Hops> TransportHops(const std::string& folder, std::size_t credits) {
  ASYA_TRY(const auto database,
           sql::sqlite::Database::Open({.path = folder + "/transport.db"}, transports::sqlite::Migrations()));
  std::atomic<int> commits{0};
  database->OnCommit([&] { ++commits; });
  const std::string socket = folder + "/transport.sock";
  transports::sqlite::Broker broker(*database, {.socket_path = socket}, RealClock());
  ASYA_TRY_STATUS(broker.Start());
  for (const char* name : {"asya-bench-in", "asya-bench-next"}) {
    ASYA_TRY_STATUS(broker.Admin().Remove(name, true));
    ASYA_TRY_STATUS(broker.Admin().Ensure({name, "bench"}));
  }
  const std::vector<ports::Outgoing> messages(kHops, {"asya-bench-in", std::string(kBodyBytes, 'x'), "id"});
  ASYA_TRY_STATUS(broker.Publisher().Publish(messages, kPatience));
  Random random(1);
  transports::sqlite::Client client({.socket_path = socket, .queue = "asya-bench-in"}, RealClock(), random);
  Echo echo(client, credits);
  commits = 0;
  const auto began = std::chrono::steady_clock::now();
  client.Start(echo);
  const bool finished = echo.WaitAll();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  client.Stop(std::chrono::seconds(1));
  if (!finished) return Fail(ErrorCode::kTimeout, "the hops did not finish");
  return Hops{kHops / took.count(), double{kHops} / commits};
}

}  // namespace asya::bench
