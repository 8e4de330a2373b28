// The real relay program, the real Python runtime and the SQLite broker, each in its own process or thread.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "core/base/unique_fd.h"
#include "tests/support/child_process.h"
#include "tests/support/relay_harness.h"
#include "tests/support/temporary_folder.h"
#include "transports/sqlite/broker.h"
#include "transports/sqlite/client.h"

namespace asya::relay {
namespace {

using tests::ChildProcess;
using tests::RelayHarness;

constexpr const char* kHandlers = R"(
import os, signal, time

def echo(payload):
    return payload

def steps(payload):
    kind = payload["kind"]
    if kind == "crash" and not os.path.exists(payload["mark"]):
        open(payload["mark"], "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "slow" and not os.path.exists(payload["mark"]):
        open(payload["mark"], "w").close()
        time.sleep(3600)
    if kind == "long":
        open(payload["mark"], "w").close()
        while not os.path.exists(payload["mark"] + "-over"):
            time.sleep(0.01)
    if kind == "error":
        raise KeyError("no such thing")
    return payload

def fan(payload):
    yield "FLY", {"text": "working"}
    for number in range(payload):
        yield {"number": number}
)";

class Process : public ::testing::Test {
 protected:
  void SetUp() override {
    sql::sqlite::Settings store;
    store.path = folder_.path() + "/store.db";
    database_ = *sql::sqlite::Database::Open(store, transports::sqlite::Migrations());
    transports::sqlite::BrokerSettings settings;
    settings.socket_path = folder_.path() + "/queue.sock";
    broker_ = std::make_unique<transports::sqlite::Broker>(*database_, settings, RealClock());
    ASSERT_TRUE(broker_->Start().ok());
    for (const char* actor : {"infer", "post", "x-sink", "x-sump"}) {
      ASSERT_TRUE(broker_->Admin().Ensure({model::QueueName("ns", actor), actor}).ok());
    }
    std::ofstream(folder_.path() + "/handlers.py") << kHandlers;
  }
  void TearDown() override {
    relay_.reset();
    runtime_.reset();
    broker_->Stop();
    broker_.reset();
    database_.reset();
  }
  void StartRuntime(const std::string& handler, const std::string& concurrency = "1") {
    runtime_ = std::make_unique<ChildProcess>(std::vector<std::string>{"python3", ASYA_RUNTIME_FILE},
                                              std::map<std::string, std::string>{{"ASYA_HANDLER", handler},
                                                                                 {"ASYA_SOCKET_DIR", folder_.path()},
                                                                                 {"ASYA_CONCURRENCY", concurrency},
                                                                                 {"PYTHONPATH", folder_.path()}},
                                              folder_.path() + "/runtime.log");
  }
  void StartRelay(std::map<std::string, std::string> more = {}) {
    more.insert({{"ASYA_ACTOR_NAME", "infer"},
                 {"ASYA_NAMESPACE", "ns"},
                 {"ASYA_SOCKET_DIR", folder_.path()},
                 {"ASYA_SQLITE_PATH", folder_.path() + "/queue.sock"},
                 {"ASYA_METRICS_ADDR", "unix:" + folder_.path() + "/metrics.sock"}});
    relay_ =
        std::make_unique<ChildProcess>(std::vector<std::string>{ASYA_RELAY_FILE}, more, folder_.path() + "/relay.log");
  }
  void Send(const std::string& id, const std::string& payload, const std::vector<std::string>& next = {"post"}) {
    model::Envelope envelope;
    envelope.id = id;
    envelope.route = {{}, "infer", next};
    envelope.status.phase = "pending";
    envelope.payload = payload;
    ASSERT_TRUE(
        broker_->Publisher().Publish({{"asya-ns-infer", SerializeEnvelope(envelope), ""}}, tests::kPatience).ok());
  }
  std::int64_t Arrived(const std::string& actor) {
    return broker_->Admin().Stats(model::QueueName("ns", actor))->arrived_total;
  }
  std::int64_t Left() {
    const auto stats = *broker_->Admin().Stats("asya-ns-infer");
    return stats.visible + stats.delayed + stats.in_flight;
  }
  [[nodiscard]] std::string Log(const std::string& name) const {
    std::ifstream file(folder_.path() + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::string Payload(const std::string& kind) const {
    return R"({"kind":")" + kind + R"(","mark":")" + folder_.path() + "/mark-" + kind + "\"}";
  }

  tests::TemporaryFolder folder_;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<transports::sqlite::Broker> broker_;
  std::unique_ptr<ChildProcess> runtime_;
  std::unique_ptr<ChildProcess> relay_;
};

TEST_F(Process, ManyEnvelopesPassOnce) {
  StartRuntime("handlers.echo", "4");
  StartRelay({{"ASYA_CONCURRENCY", "4"}});
  for (int i = 0; i < 300; ++i) Send("e" + std::to_string(i), "{\"n\":" + std::to_string(i) + "}");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return Arrived("post") == 300 && Left() == 0; })) << Log("relay.log");
  relay_->Signal(SIGTERM);
  EXPECT_EQ(relay_->Wait(), 0);
}

TEST_F(Process, AGeneratorFansOut) {
  StartRuntime("handlers.fan");
  StartRelay();
  Send("e1", "5");
  EXPECT_TRUE(RelayHarness::Eventually([&] { return Arrived("post") == 5; })) << Log("relay.log");
}

TEST_F(Process, CrashesSlowHandlersAndErrorsOfRealPython) {
  StartRuntime("handlers.steps");
  StartRelay(
      {{"ASYA_RESILIENCY_ACTOR_TIMEOUT", "500ms"},
       {"ASYA_RESILIENCY_POLICIES", R"({"again":{"maxAttempts":3,"initialDelay":"10ms"},"once":{"maxAttempts":1}})"},
       {"ASYA_RESILIENCY_RULES",
        R"([{"errors":["builtins.LookupError"],"policy":"once"},{"errors":["Timeout"],"policy":"again"}])"}});
  Send("fine", Payload("fine"));
  Send("crash", Payload("crash"));
  Send("slow", Payload("slow"));
  Send("error", Payload("error"));
  EXPECT_TRUE(RelayHarness::Eventually([&] { return Arrived("post") == 3 && Arrived("x-sink") == 1 && Left() == 0; }))
      << Log("relay.log") << Log("runtime.log");
}

// What a kubelet does to a pod that goes: preStop, then the signal to the runtime, and after its end that to the relay.
TEST_F(Process, APodThatGoesFinishesItsWorkAndTakesNoMore) {
  StartRuntime("handlers.steps");
  StartRelay();
  Send("running", Payload("long"));
  ASSERT_TRUE(RelayHarness::Eventually([&] { return std::ifstream(folder_.path() + "/mark-long").good(); }))
      << Log("relay.log");
  ChildProcess stop({"python3", ASYA_RUNTIME_FILE, "drain"}, {{"ASYA_SOCKET_DIR", folder_.path()}},
                    folder_.path() + "/drain.log");
  ASSERT_TRUE(RelayHarness::Eventually([&] { return Log("relay.log").find("draining") != std::string::npos; }))
      << Log("relay.log") << Log("drain.log");
  Send("late", Payload("fine"));
  std::ofstream(folder_.path() + "/mark-long-over") << "over";
  EXPECT_EQ(stop.Wait(), 0) << Log("drain.log");
  EXPECT_EQ(Arrived("post"), 1) << "preStop ends when what ran is settled, and not before";
  EXPECT_EQ(broker_->Admin().Stats("asya-ns-infer")->visible, 1) << "what came after it is for others";
  runtime_->Signal(SIGTERM);
  EXPECT_EQ(runtime_->Wait(), 0) << Log("runtime.log");
  relay_->Signal(SIGTERM);
  EXPECT_EQ(relay_->Wait(), 0) << Log("relay.log");
  EXPECT_EQ(Arrived("post"), 1);
}

// Restarting a laptop or a node in the middle of a long call is nobody's crash, however often it happens.
TEST_F(Process, ACallThatIsGivenUpAtTheEndIsNotCounted) {
  constexpr int kEnds = 7;
  Send("slow", Payload("slow"));
  for (int i = 0; i < kEnds; ++i) {
    for (const char* old : {"/mark-slow", "/relay.log"}) std::remove((folder_.path() + old).c_str());
    StartRuntime("handlers.steps");
    StartRelay();
    ASSERT_TRUE(RelayHarness::Eventually([&] { return std::ifstream(folder_.path() + "/mark-slow").good(); }))
        << Log("relay.log");
    relay_->Signal(SIGTERM);
    ASSERT_TRUE(RelayHarness::Eventually([&] { return Log("relay.log").find("draining") != std::string::npos; }));
    relay_->Signal(SIGTERM);
    ASSERT_EQ(relay_->Wait(), 0);
    runtime_.reset();
  }
  StartRuntime("handlers.steps");
  StartRelay();
  EXPECT_TRUE(RelayHarness::Eventually([&] { return Arrived("post") == 1 && Left() == 0; })) << Log("relay.log");
  EXPECT_EQ(Arrived("x-sink") + Arrived("x-sump"), 0);
}

TEST_F(Process, KillingRelayAndRuntimeAtRandomLosesAndDoublesNothing) {
  StartRuntime("handlers.echo", "4");
  StartRelay({{"ASYA_CONCURRENCY", "4"}});
  constexpr int kEnvelopes = 2000;
  for (int i = 0; i < kEnvelopes; ++i) Send("e" + std::to_string(i), "1");
  for (int kill = 1; kill <= 6; ++kill) {
    RelayHarness::Eventually([&] { return Arrived("post") >= kill * 200; });
    if (kill % 2 == 0) {
      runtime_.reset();
      StartRuntime("handlers.echo", "4");
    } else {
      relay_.reset();
      StartRelay({{"ASYA_CONCURRENCY", "4"}});
    }
  }
  EXPECT_TRUE(RelayHarness::Eventually([&] { return Left() == 0; })) << Log("relay.log") << Log("runtime.log");
  EXPECT_EQ(Arrived("post"), kEnvelopes);
  EXPECT_EQ(Arrived("x-sink"), 0);
}

TEST_F(Process, ItSaysWhatIsWrongWithItsSettingsAndEnds) {
  relay_ = std::make_unique<ChildProcess>(std::vector<std::string>{ASYA_RELAY_FILE},
                                          std::map<std::string, std::string>{{"ASYA_CONCURRENCY", "0"}},
                                          folder_.path() + "/relay.log");
  EXPECT_EQ(relay_->Wait(), 64);
  EXPECT_NE(Log("relay.log").find("ASYA_ACTOR_NAME is not set"), std::string::npos);
  EXPECT_NE(Log("relay.log").find("ASYA_CONCURRENCY: got \"0\""), std::string::npos);
}

TEST_F(Process, AnAddressInUseIsOneClearMessage) {
  StartRelay({{"ASYA_METRICS_ADDR", "unix:" + folder_.path() + "/missing/metrics.sock"}});
  EXPECT_EQ(relay_->Wait(), 1);
  EXPECT_NE(Log("relay.log").find("cannot listen on"), std::string::npos);
}

TEST_F(Process, ItTellsItsSupervisorAndEndsWithIt) {
  const std::string path = folder_.path() + "/notify.sock";
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const timeval patience{20, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, 0), 0);
  UniqueFd ours(ends[1]);
  ::fcntl(ours.get(), F_SETFD, FD_CLOEXEC);
  StartRuntime("handlers.echo");
  StartRelay({{"NOTIFY_SOCKET", path}, {"ASYA_CONTROL_FD", std::to_string(ends[0])}});
  ::close(ends[0]);
  std::string heard;
  char text[4096];
  while (heard.find("READY=1") == std::string::npos) {
    const ssize_t size = ::recv(socket.get(), text, sizeof text, 0);
    ASSERT_GT(size, 0) << heard;
    heard.append(text, static_cast<std::size_t>(size));
  }
  EXPECT_NE(heard.find("READY=0\nSTATUS="), std::string::npos);
  EXPECT_NE(heard.find("X_ASYA_IN_FLIGHT=0"), std::string::npos);
  ours.Reset();
  EXPECT_EQ(relay_->Wait(), 0);
}

}  // namespace
}  // namespace asya::relay
