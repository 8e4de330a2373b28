#include "core/http/transfers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "core/http/test_server.h"

namespace asya::http {
namespace {

using std::chrono::milliseconds;

ClientRequest Ask(const std::string& url) {
  ClientRequest request;
  request.url = url;
  return request;
}

// Turns until all have ended; only a test that fails waits long.
void TurnUntilDone(Transfers& transfers) {
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  while (transfers.count() > 0 && std::chrono::steady_clock::now() < limit) transfers.Turn(milliseconds(1000));
  EXPECT_EQ(transfers.count(), 0U);
}

// Keeps each request until the test lets it go.
class Holding {
 public:
  Holding()
      : running_(StartTcp([this](const Request& /*request*/, Responder responder) {
          const std::lock_guard lock(mutex_);
          held_.push_back(std::make_shared<Responder>(std::move(responder)));
        })) {}
  void WaitFor(std::size_t count, Transfers& transfers) {
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    while (Count() < count && std::chrono::steady_clock::now() < limit) transfers.Turn(milliseconds(5));
    ASSERT_EQ(Count(), count);
  }
  void Answer() {
    const std::lock_guard lock(mutex_);
    for (const auto& responder : held_) responder->Send(Plain("late"));
    held_.clear();
  }
  [[nodiscard]] const std::string& url() const { return running_.url; }

 private:
  std::size_t Count() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  std::mutex mutex_;
  std::vector<std::shared_ptr<Responder>> held_;
  Running running_;
};

TEST(Transfers, ManyAtOnceEachGetTheirAnswer) {
  const Running server = StartTcp(Echo);
  Transfers transfers(4);
  int right = 0;
  for (int i = 0; i < 20; ++i) {
    ClientRequest request = Ask(server.url + "/" + std::to_string(i));
    request.method = "POST";
    request.body = "body " + std::to_string(i);
    transfers.Begin(std::move(request), [&right, i](const Result<ClientResponse>& answer) {
      const std::string number = std::to_string(i);
      right += answer.ok() && answer->body == "POST /" + number + " body " + number ? 1 : 0;
    });
  }
  TurnUntilDone(transfers);
  EXPECT_EQ(right, 20);
}

TEST(Transfers, AnEndMayBeginTheNext) {
  const Running server = StartTcp(Echo);
  Transfers transfers(1);
  std::string seen;
  transfers.Begin(Ask(server.url + "/a"), [&](const Result<ClientResponse>& first) {
    seen += first.ok() ? first->body : "";
    transfers.Begin(Ask(server.url + "/b"),
                    [&](const Result<ClientResponse>& second) { seen += second.ok() ? second->body : ""; });
  });
  TurnUntilDone(transfers);
  EXPECT_EQ(seen, "GET /a GET /b ");
}

TEST(Transfers, OneThatIsCancelledTellsNothingAndTheOthersGoOn) {
  Holding server;
  Transfers transfers(2);
  bool cancelled_told = false;
  std::string other;
  const auto id = transfers.Begin(Ask(server.url()), [&](const Result<ClientResponse>&) { cancelled_told = true; });
  transfers.Begin(Ask(server.url()), [&](const Result<ClientResponse>& answer) { other = answer.value().body; });
  server.WaitFor(2, transfers);
  transfers.Cancel(id);
  transfers.Cancel(id);
  EXPECT_EQ(transfers.count(), 1U);
  server.Answer();
  TurnUntilDone(transfers);
  EXPECT_FALSE(cancelled_told);
  EXPECT_EQ(other, "late");
}

TEST(Transfers, ADeadlineAndADeadPeerAreErrors) {
  Holding server;
  Transfers transfers(2);
  ErrorCode late{};
  ErrorCode dead{};
  ClientRequest slow = Ask(server.url());
  slow.deadline = milliseconds(50);
  transfers.Begin(std::move(slow), [&](const Result<ClientResponse>& answer) { late = answer.error().code; });
  // A port that was just let go.
  std::string url;
  {
    const Running gone = StartTcp(Echo);
    url = gone.url;
  }
  transfers.Begin(Ask(url), [&](const Result<ClientResponse>& answer) { dead = answer.error().code; });
  TurnUntilDone(transfers);
  EXPECT_EQ(late, ErrorCode::kTimeout);
  EXPECT_EQ(dead, ErrorCode::kUnavailable);
  server.Answer();
}

TEST(Transfers, AnotherThreadEndsTheWait) {
  Transfers transfers(1);
  std::thread waking([&] { transfers.Wake(); });
  const auto began = std::chrono::steady_clock::now();
  transfers.Turn(milliseconds(60'000));
  waking.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, kPatience);
}

}  // namespace
}  // namespace asya::http
