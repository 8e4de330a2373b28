#include "bench/relay/stage.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

#include "model/envelope.h"

namespace asya::bench {
namespace {

constexpr std::chrono::seconds kPatience{120};
constexpr std::chrono::milliseconds kLook{4};                   // between two looks at the queue
constexpr std::size_t kPublishedBytes = std::size_t{8} << 20U;  // in one call

}  // namespace

std::string Stage::EnvelopeOf(int number, std::size_t payload_bytes) {
  model::Envelope envelope;
  envelope.id = "6f1c2d3e-0000-4000-8000-" + std::to_string(100'000'000'000 + number);
  envelope.route = {{}, kActor, {kNextActor}};
  envelope.headers = {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}};
  envelope.status.phase = "pending";
  envelope.status.created_at = "2026-11-18T12:00:00Z";
  envelope.payload = "{\"text\":\"" + std::string(payload_bytes - 11, 'x') + "\"}";
  return SerializeEnvelope(envelope);
}

Result<std::unique_ptr<Stage>> Stage::Open(const Programs& programs, const OpenBackend& open) {
  std::unique_ptr<Stage> stage(new Stage(programs));
  ASYA_TRY(stage->backend_, open(stage->folder_.path()));
  for (const char* actor : {kActor, kNextActor, "x-sink", "x-sump"}) {
    ASYA_TRY_STATUS(stage->backend_->admin().Ensure({model::QueueName(kNamespace, actor), "bench"}));
  }
  ASYA_TRY_STATUS(stage->StartRuntime());
  return stage;
}

Stage::~Stage() {
  for (const auto* process : {&relay_, &runtime_}) {
    if (*process == nullptr) continue;
    (*process)->Signal(SIGTERM);
    (*process)->Wait();
  }
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

Status Stage::Publish(int count, std::size_t payload_bytes) {
  const int at_once = static_cast<int>(std::max<std::size_t>(1, kPublishedBytes / (payload_bytes + 1024)));
  for (int next = 0; next < count;) {
    std::vector<ports::Outgoing> messages;
    for (const int end = std::min(count, next + at_once); next < end; ++next) {
      messages.push_back({model::QueueName(kNamespace, kActor), EnvelopeOf(next, payload_bytes), ""});
    }
    ASYA_TRY_STATUS(backend_->publisher().Publish(messages, kPatience));
  }
  return Ok();
}

std::size_t Stage::EnvelopeBytes(std::size_t payload_bytes) { return EnvelopeOf(0, payload_bytes).size(); }

void Stage::StartRelay() {
  std::map<std::string, std::string> environment = {{"ASYA_ACTOR_NAME", kActor},
                                                    {"ASYA_NAMESPACE", kNamespace},
                                                    {"ASYA_SOCKET_DIR", folder_.path()},
                                                    {"ASYA_CONCURRENCY", std::to_string(kConcurrency)},
                                                    {"ASYA_METRICS_ADDR", "unix:" + folder_.path() + "/metrics.sock"}};
  environment.merge(backend_->environment());
  Start({programs_.folder + "/" + backend_->program()}, environment);
}

void Stage::StartRaw(const std::string& way, const std::string& last) {
  Start({programs_.folder + "/bench_raw_rabbitmq", way, backend_->environment().at("ASYA_RABBITMQ_URL"),
         model::QueueName(kNamespace, kActor), model::QueueName(kNamespace, kNextActor), last},
        {});
}

void Stage::Start(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment) {
  std::vector<std::string> words = programs_.under;
  words.insert(words.end(), command.begin(), command.end());
  relay_started_ = std::chrono::steady_clock::now();
  relay_ = std::make_unique<tests::ChildProcess>(words, environment, folder_.path() + "/relay.log");
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
