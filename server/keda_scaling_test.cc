#include "server/keda_scaling.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "core/base/random.h"
#include "reconcilers/objects.h"
#include "storage/memory/object_store.h"
#include "transports/memory/broker.h"

namespace asya::server {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr const char* kQueue = "asya-vision-infer";

json::Value Transport() {
  return json::Object{{"apiVersion", "asya.sh/v1alpha1"},
                      {"kind", "Transport"},
                      {"metadata", json::Object{{"name", "here"}}},
                      {"spec", json::Object{{"type", "sqlite"}, {"default", true}, {"sqlite", json::Object{}}}}};
}

json::Value Actor(json::Object scaling) {
  json::Object spec{{"image", "infer:1"}, {"handler", "m.f"}, {"scaling", std::move(scaling)}};
  return json::Object{{"apiVersion", "asya.sh/v1alpha1"},
                      {"kind", "AsyncActor"},
                      {"metadata", json::Object{{"name", "infer"}, {"namespace", "vision"}}},
                      {"spec", std::move(spec)}};
}

scaling::ScaledObjectRef Ref() { return {"infer", "vision", {{"actor", "infer"}}}; }

class KedaScalingTest : public testing::Test {
 protected:
  KedaScalingTest() : queues_({}, RealClock()) {
    broker_.Start();
    queues_.Start(broker_.Admin(), [](const json::Value&) { return true; });
    EXPECT_TRUE(broker_.Admin().Ensure({kQueue, "uid"}).ok());
  }
  ~KedaScalingTest() override {
    if (scaling_) scaling_->Stop();
    queues_.Stop();
    broker_.Stop();
  }
  void Store(const char* resource, json::Value object) {
    const Status stored = reconcilers::Objects(store_, RealClock()).Create(resource, std::move(object));
    ASSERT_TRUE(stored.ok()) << stored.error().message;
  }
  void Start() {
    ScalerOptions options;
    options.address = "127.0.0.1";
    options.tls = false;
    scaling_ = std::make_unique<KedaScaling>(
        options, compositions::Settings{},
        KedaScaling::Parts{
            [] { return Ok(); }, store_, queues_,
            [this](const ports::ResourceRef&) -> Result<std::vector<ports::Replica>> { return Replicas(); },
            [this](const ports::ResourceRef& workload, std::int64_t replicas) { return Scale(workload, replicas); },
            [this] { return leads_.load(); }, RealClock(), observe::Logger::Silent(), metrics_});
    const Status started = scaling_->Start();
    ASSERT_TRUE(started.ok()) << started.error().message;
  }
  // Listens as KEDA does: again until the actor is known.
  std::shared_ptr<void> Listen(std::function<void()> told) {
    const SteadyTime until = RealClock().Steady() + kPatience;
    for (;;) {
      auto stream = scaling_->answers().Subscribe(Ref(), {told, [] {}});
      if (stream.ok()) return *stream;
      if (RealClock().Steady() > until) {
        ADD_FAILURE() << stream.error().message;
        return nullptr;
      }
      std::this_thread::yield();
    }
  }
  void Publish() {
    ports::Outgoing message;
    message.queue = kQueue;
    message.body = "{}";
    ASSERT_TRUE(broker_.Publisher().Publish({message}, kPatience).ok());
  }
  std::vector<ports::Replica> Replicas() {
    const std::lock_guard lock(mutex_);
    return std::vector<ports::Replica>(present_, [] {
      ports::Replica replica;
      replica.ready = true;
      return replica;
    }());
  }
  Status Scale(const ports::ResourceRef& workload, std::int64_t replicas) {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(workload.name, "infer");
    present_ = static_cast<std::size_t>(replicas);
    scaled_.notify_all();
    return Ok();
  }

  storage::memory::ObjectStore store_{RealClock()};
  transports::memory::Broker broker_{RealClock()};
  QueueDirectory queues_;
  observe::Metrics metrics_;
  std::atomic<bool> leads_ = false;
  std::mutex mutex_;
  std::condition_variable scaled_;
  std::size_t present_ = 0;
  std::unique_ptr<KedaScaling> scaling_;
};

TEST_F(KedaScalingTest, AMessageWakesWhoListensInAnyReplica) {
  Store(reconcilers::kTransports, Transport());
  Start();
  Store(reconcilers::kActors, Actor({{"minReplicaCount", 0}}));
  std::promise<void> told;
  std::atomic<bool> once = false;
  const auto stream = Listen([&] {
    if (!once.exchange(true)) told.set_value();
  });
  Publish();
  ASSERT_EQ(told.get_future().wait_for(kPatience), std::future_status::ready);
  EXPECT_TRUE(*scaling_->answers().IsActive(Ref()));
  EXPECT_EQ(*scaling_->answers().Replicas(Ref(), scaling::kMetricName), 1);
  const auto decisions = scaling_->Last("vision", "infer", 10);
  ASSERT_FALSE(decisions.empty());
  EXPECT_EQ(decisions.front().to_replicas, 1);
  const auto counts = scaling_->Counts(10);
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts.front().actor, "infer");
  EXPECT_EQ(counts.front().messages.visible, 1);
  EXPECT_TRUE(scaling_->Counts(0).empty());
}

TEST_F(KedaScalingTest, WhoeverLeadsTakesSurplusReplicasAway) {
  Store(reconcilers::kTransports, Transport());
  // Without a cooldown nothing has to settle.
  Store(reconcilers::kActors, Actor({{"minReplicaCount", 1}, {"cooldownPeriod", 0}}));
  present_ = 5;
  leads_ = true;
  Start();
  std::unique_lock lock(mutex_);
  EXPECT_TRUE(scaled_.wait_for(lock, kPatience, [this] { return present_ == 1; }));
}

TEST_F(KedaScalingTest, WhoDoesNotLeadOnlyAnswers) {
  Store(reconcilers::kTransports, Transport());
  Store(reconcilers::kActors, Actor({{"minReplicaCount", 1}, {"cooldownPeriod", 0}}));
  present_ = 5;
  Start();
  const auto stream = Listen([] {});
  const SteadyTime until = RealClock().Steady() + kPatience;
  while (!scaling_->answers().Replicas(Ref(), scaling::kMetricName).ok() && RealClock().Steady() < until) {
    std::this_thread::yield();
  }
  EXPECT_EQ(*scaling_->answers().Replicas(Ref(), scaling::kMetricName), 1);
  // What the first look led to is done when a second one was taken.
  Publish();
  const auto has_seen_it = [this] {
    const auto active = scaling_->answers().IsActive(Ref());
    return active.ok() && *active;
  };
  while (!has_seen_it() && RealClock().Steady() < until) std::this_thread::yield();
  EXPECT_TRUE(has_seen_it());
  EXPECT_EQ(Replicas().size(), 5U);
}

TEST_F(KedaScalingTest, AnActorThatKedaDoesNotAskAboutIsNotKnown) {
  Store(reconcilers::kTransports, Transport());
  Store(reconcilers::kActors, Actor({{"enabled", false}}));
  Start();
  const SteadyTime until = RealClock().Steady() + kPatience;
  auto active = scaling_->answers().IsActive(Ref());
  while (active.error().code == ErrorCode::kUnavailable && RealClock().Steady() < until) {
    std::this_thread::yield();
    active = scaling_->answers().IsActive(Ref());
  }
  EXPECT_EQ(active.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace asya::server
