// The broker among bad peers, full disks and rolled back jobs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <csignal>
#include <filesystem>

#include "core/base/random.h"
#include "transports/conformance/recorder_suite.h"
#include "transports/sqlite/broker.h"
#include "transports/sqlite/client.h"
#include "transports/sqlite/unix_address.h"
#include "transports/sqlite/wire.h"

namespace asya::transports::sqlite {
namespace {

using conformance::kPatience;
using conformance::Recorder;
using std::chrono::milliseconds;

class BrokerFaultsTest : public ::testing::Test {
 protected:
  BrokerFaultsTest() : random_(SystemSeed()) {}
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "asya-queue-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    settings_.socket_path = folder_ + "/queue.sock";
  }
  void TearDown() override {
    broker_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Open() {
    database_ = sql::sqlite::Database::Open({.path = folder_ + "/asya.db"}, Migrations()).value();
    broker_ = std::make_unique<Broker>(*database_, settings_, RealClock());
    ASSERT_TRUE(broker_->Start().ok());
    ASSERT_TRUE(broker_->Admin().Ensure({"q", "uid"}).ok());
  }
  std::unique_ptr<Recorder> Consume(std::size_t credits) {
    auto recorder = std::make_unique<Recorder>(
        std::make_unique<Client>(ClientSettings{.socket_path = settings_.socket_path, .queue = "q"}, RealClock(),
                                 random_),
        credits);
    recorder->Start();
    EXPECT_EQ(recorder->TakeConnection(), true);
    return recorder;
  }
  Status Publish(const std::string& body) { return broker_->Publisher().Publish({{"q", body, "m"}}, kPatience); }
  static ports::Settlement AckOf(const ports::Delivery& delivery) {
    ports::Settlement settlement;
    settlement.tag = delivery.tag;
    return settlement;
  }
  // Sends raw bytes as a peer of its own; true when the broker closes that connection.
  bool IsThrownOut(const std::string& bytes) {
    const UniqueFd peer = ConnectTo(settings_.socket_path).value();
    EXPECT_EQ(send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    for (;;) {
      pollfd waiting{peer.get(), POLLIN, 0};
      if (poll(&waiting, 1, static_cast<int>(milliseconds(kPatience).count())) <= 0) return false;
      char buffer[4096];
      if (recv(peer.get(), buffer, sizeof(buffer), 0) <= 0) return true;
    }
  }

  std::string folder_;
  BrokerSettings settings_;
  Random random_;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<Broker> broker_;
};

TEST_F(BrokerFaultsTest, TheSocketIsForItsOwnerOnly) {
  Open();
  struct stat status {};
  ASSERT_EQ(stat(settings_.socket_path.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  broker_->Stop();
  EXPECT_FALSE(std::filesystem::exists(settings_.socket_path));
}

TEST_F(BrokerFaultsTest, ALongPathWorks) {
  const std::string deep = folder_ + "/" + std::string(120, 'd');
  std::filesystem::create_directory(deep);
  settings_.socket_path = deep + "/queue.sock";
  Open();
  auto consumer = Consume(1);
  ASSERT_TRUE(Publish("1").ok());
  EXPECT_EQ(consumer->Take(1).size(), 1U);
}

TEST_F(BrokerFaultsTest, AMissingFolderIsNamed) {
  settings_.socket_path = folder_ + "/nowhere/queue.sock";
  database_ = sql::sqlite::Database::Open({.path = folder_ + "/asya.db"}, Migrations()).value();
  Broker broker(*database_, settings_, RealClock());
  const Status started = broker.Start();
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error().message, ::testing::HasSubstr(settings_.socket_path));
}

TEST_F(BrokerFaultsTest, MalformedFramesEndOnlyTheirOwnConnection) {
  Open();
  auto consumer = Consume(1);
  std::string hello;
  FrameWriter(hello, FrameType::kHello).U8(kProtocolVersion).Bytes("q");
  std::string other_version;
  FrameWriter(other_version, FrameType::kHello).U8(99).Bytes("q");
  std::string no_hello;
  FrameWriter(no_hello, FrameType::kGrant).U32(1);
  std::string short_settle = hello;
  FrameWriter(short_settle, FrameType::kSettle).U64(1).U8(0);
  std::string false_count = hello;
  FrameWriter(false_count, FrameType::kSettle).U64(1).U8(0).I64(0).Bytes("").U32(60'000);
  std::string false_action = hello;
  FrameWriter(false_action, FrameType::kSettle).U64(1).U8(9).I64(0).Bytes("").U32(0);
  std::string negative = hello;
  FrameWriter(negative, FrameType::kSettle).U64(1).U8(1).I64(-5).Bytes("").U32(0);
  std::string false_length = hello;
  FrameWriter(false_length, FrameType::kHello).U8(1).U32(0xffffffff);
  std::string answer = hello;
  FrameWriter(answer, FrameType::kWelcome).U8(1).U32(1).U32(1);
  for (const std::string& bytes :
       {other_version, no_hello, short_settle, false_count, false_action, negative, false_length, answer, hello + hello,
        std::string(4, '\0'), std::string(4, '\xff'), hello + "\x01" + std::string(3, '\0') + "\xee"}) {
    EXPECT_TRUE(IsThrownOut(bytes)) << ::testing::PrintToString(bytes);
  }
  ASSERT_TRUE(Publish("1").ok());
  EXPECT_EQ(consumer->Take(1).size(), 1U);
}

TEST_F(BrokerFaultsTest, RandomBytesEndOnlyTheirOwnConnection) {
  Open();
  auto consumer = Consume(1);
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    FrameWriter(bytes, FrameType::kHello).U8(kProtocolVersion).Bytes("q");
    const auto count = random_.Between(1, 40);
    bytes += static_cast<char>(count + 1);
    bytes += std::string(3, '\0');
    bytes += static_cast<char>(random_.Between(1, 7));
    for (int i = 0; i < count; ++i) bytes += static_cast<char>(random_.Between(0, 255));
    const UniqueFd peer = ConnectTo(settings_.socket_path).value();
    EXPECT_GT(send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
  }
  ASSERT_TRUE(Publish("1").ok());
  EXPECT_EQ(consumer->Take(1).size(), 1U);
}

TEST_F(BrokerFaultsTest, ASilentPeerLosesItsLeases) {
  settings_.lease = milliseconds(4500);
  Open();
  ASSERT_TRUE(Publish("1").ok());
  const UniqueFd hung = ConnectTo(settings_.socket_path).value();
  std::string bytes;
  FrameWriter(bytes, FrameType::kHello).U8(kProtocolVersion).Bytes("q");
  FrameWriter(bytes, FrameType::kGrant).U32(1);
  ASSERT_EQ(send(hung.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  while (broker_->Admin().Stats("q").value().in_flight == 0) poll(nullptr, 0, 1);
  // This one is silent too, but for the pings of its client.
  auto consumer = Consume(2);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  // Without pings it would have been closed with the other one or a third of the lease later, and without answers to
  // them its client would give the broker up a lease and a third from now.
  EXPECT_EQ(consumer->TakeConnection(settings_.lease * 3 / 2), std::nullopt);
  EXPECT_TRUE(consumer->Settle(AckOf(taken[0])).ok());
}

TEST_F(BrokerFaultsTest, AnEnqueueIsSeenWhenItsJobIsCommittedAndOnlyThen) {
  Open();
  auto consumer = Consume(2);
  auto enqueue = [&](const std::string& body, bool fail) {
    return database_->Write([&](sql::sqlite::Transaction& transaction) -> Status {
      ASYA_TRY_STATUS(broker_->EnqueueInTransaction(transaction, "q", body));
      return fail ? Status(Fail(ErrorCode::kConflict, "changed my mind")) : Ok();
    });
  };
  EXPECT_FALSE(enqueue("undone", true).ok());
  EXPECT_TRUE(enqueue("done", false).ok());
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].body, "done");
  const auto stats = broker_->Admin().Stats("q").value();
  EXPECT_EQ(stats.visible, 0);
  EXPECT_EQ(stats.arrived_total, 1);
  const Status unroutable = database_->Write(
      [&](sql::sqlite::Transaction& transaction) { return broker_->EnqueueInTransaction(transaction, "none", "x"); });
  EXPECT_EQ(unroutable.error().code, ErrorCode::kUnroutable);
}

TEST_F(BrokerFaultsTest, SettlementsWaitForAFullDisk) {
  Open();
  auto consumer = Consume(1);
  ASSERT_TRUE(Publish("1").ok());
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{64 * 1024, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  EXPECT_EQ(Publish(std::string(1'000'000, 'x')).error().code, ErrorCode::kUnavailable);
  ports::Settlement settlement = AckOf(taken[0]);
  settlement.publish.push_back({"q", std::string(1'000'000, 'y'), "m"});
  consumer->Queue().Settle(settlement);
  EXPECT_EQ(consumer->Settle(settlement).error().code, ErrorCode::kConflict) << "one settlement is under way";
  EXPECT_EQ(broker_->Admin().Stats("q").value().in_flight, 1);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  consumer->Queue().Grant(1);
  const auto next = consumer->Take(1);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].body.size(), 1'000'000U);
}

TEST_F(BrokerFaultsTest, MoreRetriesThanFitInMemoryAllComeBack) {
  Open();
  constexpr std::size_t kMessages = 3000;
  std::vector<ports::Outgoing> messages;
  for (std::size_t i = 0; i < kMessages; ++i) messages.push_back({"q", std::to_string(i), ""});
  ASSERT_TRUE(broker_->Publisher().Publish(messages, kPatience).ok());
  auto consumer = Consume(kMessages);
  for (const auto& delivery : consumer->Take(kMessages)) {
    ports::Settlement settlement;
    settlement.tag = delivery.tag;
    settlement.action = ports::Settlement::Action::kRetry;
    settlement.retry_body = delivery.body;
    settlement.retry_delay = milliseconds(200);
    consumer->Queue().Settle(std::move(settlement));
  }
  const auto all_due = [&] {
    const auto stats = broker_->Admin().Stats("q").value();
    return stats.visible == static_cast<std::int64_t>(kMessages) && stats.delayed == 0;
  };
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  while (!all_due() && std::chrono::steady_clock::now() < limit) poll(nullptr, 0, 5);
  EXPECT_TRUE(all_due());
  consumer->Queue().Grant(kMessages);
  std::set<std::string> seen;
  for (const auto& delivery : consumer->Take(kMessages)) {
    seen.insert(delivery.body);
    consumer->Queue().Settle(AckOf(delivery));
  }
  EXPECT_EQ(seen.size(), kMessages);
  while (broker_->Admin().Stats("q").value().in_flight > 0 && std::chrono::steady_clock::now() < limit)
    poll(nullptr, 0, 1);
  EXPECT_EQ(broker_->Admin().Stats("q").value().settled_total, static_cast<std::int64_t>(kMessages));
}

TEST_F(BrokerFaultsTest, ACrashCountIsOnDiskSoonAfterTheBegin) {
  settings_.crash_count_delay = milliseconds(0);
  Open();
  ASSERT_TRUE(Publish("1").ok());
  auto consumer = Consume(1);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(consumer->Begin(taken[0].tag, 3).ok());
  std::int64_t stored = 0;
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  while (stored != 3 && std::chrono::steady_clock::now() < limit) {
    const Status read = database_->Read([&](sql::sqlite::Transaction& transaction) -> Status {
      ASYA_TRY(auto* const row, transaction.Prepare("SELECT crash_count FROM messages"));
      ASYA_TRY(const bool there, row->Step());
      if (there) stored = row->Int(0);
      return Ok();
    });
    ASSERT_TRUE(read.ok());
  }
  EXPECT_EQ(stored, 3);
}

std::chrono::nanoseconds ProcessorTime() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

TEST_F(BrokerFaultsTest, AnIdleBrokerAndClientUseNoProcessorTime) {
  Open();
  auto consumer = Consume(1);
  const auto before = ProcessorTime();
  EXPECT_TRUE(consumer->Take(1, milliseconds(500)).empty());
  EXPECT_LT(ProcessorTime() - before, milliseconds(5));
}

TEST_F(BrokerFaultsTest, AConnectionThatGetsNoDescriptorIsTakenLater) {
  Open();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const UniqueFd late(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(settings_.socket_path.size(), sizeof(address.sun_path));
  settings_.socket_path.copy(address.sun_path, settings_.socket_path.size());
  const rlimit none{3, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const int connected = connect(late.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const auto used_before = ProcessorTime();
  pollfd waiting{late.get(), POLLIN, 0};
  std::string hello;
  FrameWriter(hello, FrameType::kHello).U8(kProtocolVersion).Bytes("q");
  EXPECT_EQ(send(late.get(), hello.data(), hello.size(), MSG_NOSIGNAL), static_cast<ssize_t>(hello.size()));
  EXPECT_EQ(poll(&waiting, 1, 400), 0) << "it is not served without a descriptor";
  const auto used = ProcessorTime() - used_before;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(connected, 0);
  EXPECT_LT(used, milliseconds(20));
  EXPECT_EQ(poll(&waiting, 1, static_cast<int>(milliseconds(kPatience).count())), 1) << "nobody takes it";
}

}  // namespace
}  // namespace asya::transports::sqlite
