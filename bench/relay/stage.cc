#include "bench/relay/stage.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "model/envelope.h"

namespace asya::bench {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kLook{2};  // between two looks at the queue
constexpr const char* kNamespace = "bench";
constexpr const char* kActor = "echo";
constexpr const char* kNextActor = "next";

std::string EnvelopeOf(int number) {
  model::Envelope envelope;
  envelope.id = "6f1c2d3e-0000-4000-8000-" + std::to_string(100'000'000'000 + number);
  envelope.route = {{}, kActor, {kNextActor}};
  envelope.headers = {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}};
  envelope.status.phase = "pending";
  envelope.status.created_at = "2026-11-18T12:00:00Z";
  envelope.payload = "{\"text\":\"" + std::string(kPayloadBytes - 11, 'x') + "\"}";
  return SerializeEnvelope(envelope);
}

}  // namespace

Result<std::unique_ptr<Stage>> Stage::Open(const Programs& programs) {
  std::unique_ptr<Stage> stage(new Stage(programs));
  ASYA_TRY_STATUS(stage->StartBroker());
  ASYA_TRY_STATUS(stage->StartRuntime());
  return stage;
}

Stage::~Stage() {
  for (const auto* process : {&relay_, &runtime_}) {
    if (*process == nullptr) continue;
    (*process)->Signal(SIGTERM);
    (*process)->Wait();
  }
  if (broker_) broker_->Stop();
}

Status Stage::StartBroker() {
  ASYA_TRY(database_,
           sql::sqlite::Database::Open({.path = folder_.path() + "/queue.db"}, transports::sqlite::Migrations()));
  database_->OnCommit([this] { ++commits_; });
  broker_ = std::make_unique<transports::sqlite::Broker>(
      *database_, transports::sqlite::BrokerSettings{.socket_path = folder_.path() + "/queue.sock"}, RealClock());
  ASYA_TRY_STATUS(broker_->Start());
  for (const char* actor : {kActor, kNextActor, "x-sink", "x-sump"}) {
    ASYA_TRY_STATUS(broker_->Admin().Ensure({model::QueueName(kNamespace, actor), "bench"}));
  }
  return Ok();
}

Status Stage::StartRuntime() {
  if (programs_.archive.empty()) {
    runtime_ = std::make_unique<tests::ChildProcess>(
        std::vector<std::string>{programs_.folder + "/bench_echo_runtime", folder_.path()},
        std::map<std::string, std::string>{}, folder_.path() + "/runtime.log");
  } else {
    std::ofstream(folder_.path() + "/echo_handler.py") << "def echo(payload):\n    return payload\n";
    runtime_ = std::make_unique<tests::ChildProcess>(
        std::vector<std::string>{programs_.python, programs_.archive},
        std::map<std::string, std::string>{{"ASYA_HANDLER", "echo_handler.echo"},
                                           {"ASYA_SOCKET_DIR", folder_.path()},
                                           {"ASYA_CONCURRENCY", std::to_string(kConcurrency)},
                                           {"PYTHONPATH", folder_.path()}},
        folder_.path() + "/runtime.log");
  }
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!std::filesystem::exists(folder_.path() + "/runtime-ready")) {
    if (std::chrono::steady_clock::now() > until) return Fail(ErrorCode::kTimeout, "the runtime did not become ready");
    std::this_thread::sleep_for(kLook);
  }
  return Ok();
}

Status Stage::Publish(int count) {
  std::vector<ports::Outgoing> messages;
  messages.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) messages.push_back({model::QueueName(kNamespace, kActor), EnvelopeOf(i), ""});
  return broker_->Publisher().Publish(messages, kPatience);
}

std::size_t Stage::EnvelopeBytes() { return EnvelopeOf(0).size(); }

void Stage::StartRelay() {
  relay_started_ = std::chrono::steady_clock::now();
  relay_ = std::make_unique<tests::ChildProcess>(
      std::vector<std::string>{programs_.folder + "/asya-relay"},
      std::map<std::string, std::string>{{"ASYA_ACTOR_NAME", kActor},
                                         {"ASYA_NAMESPACE", kNamespace},
                                         {"ASYA_SOCKET_DIR", folder_.path()},
                                         {"ASYA_SQLITE_PATH", folder_.path() + "/queue.sock"},
                                         {"ASYA_CONCURRENCY", std::to_string(kConcurrency)},
                                         {"ASYA_METRICS_ADDR", "unix:" + folder_.path() + "/metrics.sock"}},
      folder_.path() + "/relay.log");
}

std::int64_t Stage::passed() {
  const auto stats = broker_->Admin().Stats(model::QueueName(kNamespace, kNextActor));
  return stats.ok() ? stats->arrived_total : 0;
}

Result<SteadyTime> Stage::UntilPassed(std::int64_t count) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (passed() < count) {
    if (std::chrono::steady_clock::now() > until) return Fail(ErrorCode::kTimeout, "the envelopes did not pass");
    std::this_thread::sleep_for(kLook);
  }
  return std::chrono::steady_clock::now();
}

std::chrono::nanoseconds Stage::StartToFirstCall() const {
  std::int64_t called_ns = 0;
  std::ifstream(folder_.path() + "/first-call") >> called_ns;
  return std::chrono::nanoseconds(called_ns) - relay_started_.time_since_epoch();
}

}  // namespace asya::bench
