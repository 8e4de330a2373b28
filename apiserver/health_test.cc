#include "apiserver/health.h"

#include <gtest/gtest.h>

#include <future>

#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

http::Request Asking(const std::string& path, std::vector<std::pair<std::string, std::string>> query = {}) {
  http::Request request;
  request.method = "GET";
  request.path = path;
  request.query = std::move(query);
  return request;
}

const std::vector<HealthCheck>& Checks() {
  static const std::vector<HealthCheck> checks{
      {"ping", [] { return Ok(); }, false},
      {"store", []() -> Status { return Fail(ErrorCode::kUnavailable, "the database is away"); }, true}};
  return checks;
}

TEST(Health, ReadyTellsWhatIsWrongAndLiveDoesNotAsk) {
  EXPECT_EQ(AnswerHealth(Asking("/livez"), Checks(), true).body, "ok");
  const http::Response ready = AnswerHealth(Asking("/readyz"), Checks(), true);
  EXPECT_EQ(ready.status, 500);
  EXPECT_EQ(ready.body, "[+]ping ok\n[-]store failed: the database is away\nreadyz check failed\n");
  EXPECT_EQ(AnswerHealth(Asking("/healthz"), Checks(), true).status, 500);
}

TEST(Health, WhyIsWithheldWhereAnybodyMayAsk) {
  EXPECT_EQ(AnswerHealth(Asking("/readyz"), Checks(), false).body,
            "[+]ping ok\n[-]store failed: reason withheld\nreadyz check failed\n");
  EXPECT_EQ(AnswerHealth(Asking("/readyz/store"), Checks(), false).body,
            "internal server error: check \"store\" failed: reason withheld");
}

TEST(Health, ChecksHaveNamesAndMayBeLeftOut) {
  EXPECT_EQ(AnswerHealth(Asking("/livez", {{"verbose", ""}}), Checks(), true).body, "[+]ping ok\nlivez check passed\n");
  EXPECT_EQ(AnswerHealth(Asking("/readyz/ping"), Checks(), true).body, "ok");
  EXPECT_EQ(AnswerHealth(Asking("/readyz/store"), Checks(), true).status, 500);
  EXPECT_EQ(AnswerHealth(Asking("/readyz/nothing"), Checks(), true).status, 404);
  EXPECT_EQ(AnswerHealth(Asking("/livez/store"), Checks(), true).status, 404) << "not a check of this endpoint";
  const http::Response left_out =
      AnswerHealth(Asking("/readyz", {{"exclude", "store"}, {"verbose", ""}}), Checks(), true);
  EXPECT_EQ(left_out.status, 200);
  EXPECT_NE(left_out.body.find("[+]store excluded: ok"), std::string::npos);
  EXPECT_NE(
      AnswerHealth(Asking("/livez", {{"exclude", "x"}, {"verbose", ""}}), Checks(), true).body.find("no matches for x"),
      std::string::npos);
}

TEST_F(TestApi, HealthIsToldToAnybody) {
  const HeaderList nobody{{"Authorization", ""}};
  for (const char* path : {"/livez", "/readyz", "/healthz", "/livez/ping", "/readyz/store", "/healthz/ping"}) {
    const Answer answer = Get(path, nobody);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.text, "ok") << path;
  }
  const Answer verbose = Get("/readyz?verbose", nobody);
  EXPECT_NE(verbose.text.find("[+]store ok\n"), std::string::npos) << verbose.text;
  EXPECT_NE(verbose.text.find("readyz check passed"), std::string::npos);
  EXPECT_EQ(Get("/livez/nothing", nobody).status, 404);
}

TEST_F(TestApi, AFloodOfQuestionsForHealthLeavesTheThreadsToTheApi) {
  constexpr int kQuestions = 20;
  std::promise<void> entered;
  std::promise<void> released;
  const std::shared_future<void> release(released.get_future());
  std::atomic<int> running = 0;
  std::atomic<int> at_once = 0;
  std::atomic<int> runs = 0;
  ready_ = [&]() -> Status {
    at_once = std::max(at_once.load(), ++running);
    if (++runs == 1) entered.set_value();
    release.wait();
    --running;
    return Ok();
  };
  ApiServerSettings settings;
  settings.threads = 3;
  Open(settings);
  std::vector<std::future<Answer>> questions;
  for (int i = 0; i < kQuestions; ++i) {
    questions.push_back(std::async(std::launch::async, [this] { return Get("/readyz"); }));
  }
  entered.get_future().wait();
  EXPECT_EQ(Get(kActors).status, 200);
  released.set_value();
  for (auto& question : questions) EXPECT_EQ(question.get().text, "ok");
  EXPECT_EQ(at_once, 1);
  Shut();
}

}  // namespace
}  // namespace asya::apiserver
