// kill -9 of the broker's and of the relays' processes at random, while messages cross three queues: none lost, none
// doubled.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <map>
#include <new>

#include "core/base/random.h"
#include "transports/sqlite/broker.h"
#include "transports/sqlite/client.h"

namespace asya::transports::sqlite {
namespace {

constexpr int kMessages = 5000;
constexpr int kKills = 30;
constexpr int kCredits = 32;
const std::vector<std::string> kRoute{"asya-test-a", "asya-test-b", "asya-test-c", "asya-test-end"};

void Pause(int milliseconds) { poll(nullptr, 0, milliseconds); }

// What the processes tell the test.
struct Board {
  std::atomic<std::int64_t> arrived{0};
  std::atomic<std::int64_t> left{0};
};

// Sends each message on to the next queue; tries every tenth one again first, and begins every other one.
class Forwarder final : public ports::ConsumerEvents {
 public:
  Forwarder(ports::MessageQueue& queue, std::string next) : queue_(queue), next_(std::move(next)) {}
  void OnDeliveries(std::vector<ports::Delivery> deliveries) override {
    for (auto& delivery : deliveries) {
      if (delivery.tag.get() % 2 == 0) queue_.Begin(delivery.tag, delivery.crash_count + 1);
      ports::Settlement settlement;
      settlement.tag = delivery.tag;
      if (delivery.tag.get() % 10 == 0) {
        settlement.action = ports::Settlement::Action::kRetry;
        settlement.retry_body = delivery.body;
        settlement.retry_delay = std::chrono::milliseconds(5);
      } else {
        settlement.publish.push_back({next_, delivery.body, delivery.body});
      }
      queue_.Settle(std::move(settlement));
    }
  }
  void OnStarted(ports::DeliveryTag /*tag*/, Status /*status*/) override {}
  void OnSettled(ports::DeliveryTag /*tag*/, Status status) override {
    if (!status.ok() && status.error().code != ErrorCode::kConflict) _exit(4);
    queue_.Grant(1);
  }
  void OnConnection(bool connected, const std::string& /*reason*/) override {
    if (connected) queue_.Grant(kCredits);
  }

 private:
  ports::MessageQueue& queue_;
  const std::string next_;
};

class CrashTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "asya-crash-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    void* shared = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    board_ = new (shared) Board;
  }
  void TearDown() override {
    for (const pid_t process : processes_) End(process);
    munmap(board_, sizeof(Board));
    std::filesystem::remove_all(folder_);
  }

  std::unique_ptr<sql::sqlite::Database> OpenDatabase() {
    return sql::sqlite::Database::Open({.path = folder_ + "/asya.db"}, Migrations()).value();
  }
  [[nodiscard]] BrokerSettings Settings() const { return {.socket_path = folder_ + "/queue.sock"}; }

  [[noreturn]] void ServeForEver() {
    auto database = OpenDatabase();
    Broker broker(*database, Settings(), RealClock());
    if (!broker.Start().ok()) _exit(5);
    for (;;) {
      std::int64_t left = 0;
      for (std::size_t i = 0; i + 1 < kRoute.size(); ++i) {
        const auto stats = broker.Admin().Stats(kRoute[i]).value();
        left += stats.visible + stats.delayed + stats.in_flight;
      }
      board_->left = left;
      board_->arrived = broker.Admin().Stats(kRoute.back()).value().visible;
      Pause(10);
    }
  }
  [[noreturn]] void ForwardForEver(std::size_t step) {
    Random random(SystemSeed());
    Client client({.socket_path = Settings().socket_path, .queue = kRoute[step]}, RealClock(), random);
    Forwarder forwarder(client, kRoute[step + 1]);
    client.Start(forwarder);
    for (;;) pause();
  }
  // The first process is the broker, the others forward.
  pid_t Launch(std::size_t which) {
    const pid_t child = fork();
    if (child != 0) return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (which == 0) ServeForEver();
    ForwardForEver(which - 1);
  }
  static void End(pid_t process) {
    kill(process, SIGKILL);
    int status = 0;
    waitpid(process, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "a process ended by itself: " << WEXITSTATUS(status);
  }

  std::string folder_;
  Board* board_ = nullptr;
  std::vector<pid_t> processes_;
};

TEST_F(CrashTest, NothingIsLostOrDoubledWhenProcessesAreKilled) {
  const std::uint64_t seed = SystemSeed();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Random random(seed);
  {
    // In a process of its own, so that this one has no other threads when it forks.
    const pid_t child = fork();
    if (child == 0) {
      auto database = OpenDatabase();
      Broker broker(*database, Settings(), RealClock());
      if (!broker.Start().ok()) _exit(1);
      for (const auto& name : kRoute) {
        if (!broker.Admin().Ensure({name, "uid"}).ok()) _exit(2);
      }
      std::vector<ports::Outgoing> messages;
      for (int i = 0; i < kMessages; ++i) messages.push_back({kRoute[0], "id-" + std::to_string(i), ""});
      if (!broker.Publisher().Publish(messages, std::chrono::seconds(30)).ok()) _exit(3);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  for (std::size_t which = 0; which < kRoute.size(); ++which) processes_.push_back(Launch(which));
  for (int kills = 0; kills < kKills; ++kills) {
    Pause(static_cast<int>(random.Between(5, 60)));
    const auto which = static_cast<std::size_t>(random.Between(0, static_cast<std::int64_t>(processes_.size()) - 1));
    End(processes_[which]);
    processes_[which] = Launch(which);
  }
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while ((board_->arrived < kMessages || board_->left > 0) && std::chrono::steady_clock::now() < limit) Pause(10);
  for (const pid_t process : processes_) End(process);
  processes_.clear();

  std::map<std::string, int> seen;
  std::int64_t left = 0;
  auto database = OpenDatabase();
  const Status audited = database->Read([&](sql::sqlite::Transaction& transaction) -> Status {
    ASYA_TRY(auto* const rows,
             transaction.Prepare("SELECT q.name, m.body FROM messages m JOIN queues q ON q.id = m.id >> 40"));
    for (;;) {
      ASYA_TRY(const bool row, rows->Step());
      if (!row) return Ok();
      if (rows->Text(0) == kRoute.back()) ++seen[rows->Text(1)];
      if (rows->Text(0) != kRoute.back()) ++left;
    }
  });
  ASSERT_TRUE(audited.ok()) << audited.error().message;
  EXPECT_EQ(left, 0) << "seed " << seed;
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kMessages)) << "lost; seed " << seed;
  for (const auto& [id, count] : seen) EXPECT_EQ(count, 1) << id << " doubled; seed " << seed;
}

}  // namespace
}  // namespace asya::transports::sqlite
