// Names: a silent name server holds nobody up for longer than a connection may take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <string>
#include <utility>

#include "tests/support/scripted_broker.h"
#include "transports/rabbitmq/link.h"

namespace asya::transports::rabbitmq {
namespace {

// The question that waits; a lookup is a plain function.
std::string asked_port;
net::Answer waiting;

int SlowLookup(const std::string& /*host*/, const std::string& port, net::Answer answer) {
  asked_port = port;
  waiting = std::move(answer);
  return 0;
}

// The name server answers.
void Answer() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  ASSERT_EQ(getaddrinfo("127.0.0.1", asked_port.c_str(), &hints, &found), 0);
  std::exchange(waiting, nullptr)(0, net::Addresses(found));
}

int NoLookup(const std::string& /*host*/, const std::string& /*port*/, net::Answer /*answer*/) { return EAI_NONAME; }

class Resolved : public ::testing::Test {
 protected:
  // Waits until the link has something to do.
  static bool WaitReadable(const Link& link) {
    constexpr int kPatienceMs = 20'000;
    pollfd ready{link.fd(), static_cast<short>(link.wants_write() ? POLLIN | POLLOUT : POLLIN), 0};
    return poll(&ready, 1, kPatienceMs) == 1;
  }
  LinkSettings Settings(net::Lookup lookup) {
    LinkSettings settings;
    settings.address.host = "broker.example";
    settings.address.port = std::to_string(broker_.port());
    settings.lookup = lookup;
    return settings;
  }

  tests::ScriptedBroker broker_;
  FakeClock clock_;
};

TEST_F(Resolved, ASilentNameServerIsGivenUpAfterTheLimitOfTheConnection) {
  {
    Link link(Settings(SlowLookup), clock_, [](const Arrival&) {});
    ASSERT_TRUE(link.Begin().ok());
    ASSERT_TRUE(link.Advance().ok());
    EXPECT_FALSE(link.wants_write());
    clock_.Advance(std::chrono::minutes(1));
    EXPECT_EQ(link.Advance().error().code, ErrorCode::kUnavailable);
  }
  Answer();  // comes when nobody wants it any more
}

TEST_F(Resolved, AnAnswerThatComesInTimeIsUsed) {
  Link link(Settings(SlowLookup), clock_, [](const Arrival&) {});
  ASSERT_TRUE(link.Begin().ok());
  ASSERT_TRUE(link.Advance().ok());
  Answer();
  while (!link.open()) {
    ASSERT_TRUE(WaitReadable(link));
    ASSERT_TRUE(link.Advance().ok());
  }
}

TEST_F(Resolved, AnUnknownHostIsNamed) {
  Link link(Settings(NoLookup), clock_, [](const Arrival&) {});
  EXPECT_THAT(link.Begin().error().message, ::testing::HasSubstr("broker.example"));
}

TEST_F(Resolved, TheSystemsOwnLookupAnswers) {
  LinkSettings settings = Settings(net::LookUp);
  settings.address.host = "localhost";
  Link link(settings, clock_, [](const Arrival&) {});
  ASSERT_TRUE(link.Begin().ok());
  while (!link.open()) {
    ASSERT_TRUE(WaitReadable(link));
    ASSERT_TRUE(link.Advance().ok());
  }
}

}  // namespace
}  // namespace asya::transports::rabbitmq
