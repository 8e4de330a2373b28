// Tasks whose payload is too large for their queue, and dead letters that only name theirs.
#include "gateway/first_message.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "claims/directory/store.h"
#include "core/base/sha256.h"
#include "core/json/parse.h"
#include "gateway/create_task.h"
#include "gateway/dead_letters.h"
#include "gateway/refuse_first_message.h"
#include "model/claim.h"
#include "ports/claim_marks.h"
#include "ports/claim_payload.h"
#include "storage/conformance/temporary_folder.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/task_store.h"

namespace asya::gateway {
namespace {

constexpr std::size_t kLimitBytes = 4096;  // of every queue here
constexpr std::chrono::milliseconds kTimeout{1000};
constexpr std::chrono::seconds kAnswerTimeout{30};

std::string Large(char c = 'x') { return "\"" + std::string(2 * kLimitBytes, c) + "\""; }

// Keeps the answer that a client would get.
class Answer : public http::Responder::Sink {
 public:
  explicit Answer(std::shared_ptr<std::promise<http::Response>> promise) : promise_(std::move(promise)) {}
  void Send(http::Response response) override { promise_->set_value(std::move(response)); }
  std::shared_ptr<http::Stream> StartStream(http::Response /*head*/) override { return nullptr; }

 private:
  std::shared_ptr<std::promise<http::Response>> promise_;
};

class FirstMessage : public ::testing::Test {
 protected:
  void SetUp() override {
    executor_.Start();
    sql::sqlite::Settings settings;
    settings.path = folder_.File("test.db");
    database_ = sql::sqlite::Database::Open(settings, storage::sqlite::Migrations()).value();
    objects_ = std::make_unique<storage::sqlite::ObjectStore>(*database_, RealClock());
    ASSERT_TRUE(objects_->Start().ok());
    tasks_ = std::make_unique<storage::sqlite::TaskStore>(*database_, RealClock(),
                                                          [this](auto&, const ports::FirstMessage& message) -> Status {
                                                            if (refuses_) return Fail(ErrorCode::kUnroutable, "gone");
                                                            sent_.push_back(message);
                                                            return Ok();
                                                          });
    ASSERT_TRUE(tasks_->Start().ok());
    deps_.emplace(Deps{*tasks_, *objects_, hub_, cancels_, executor_, RealClock(), observe::Logger::Silent(),
                       [](const std::string&) { return Intake::kOpen; }, GatewayMetrics{}, nullptr, &store_,
                       [](const std::string&) { return kLimitBytes; }});
  }
  void TearDown() override {
    executor_.Stop();
    objects_->Stop();
    database_->Stop();
  }

  http::Response Post(const std::string& body) {
    http::Request request;
    request.method = "POST";
    request.body = body;
    request.query = {{"actor", "first"}};
    const auto promise = std::make_shared<std::promise<http::Response>>();
    auto answered = promise->get_future();
    gateway::CreateTask(request, http::Responder(std::make_unique<Answer>(promise)), *deps_, Limits{});
    if (answered.wait_for(kAnswerTimeout) != std::future_status::ready) return {};
    return answered.get();
  }
  http::Response Replay(const std::string& id, const std::string& body = "") {
    http::Request request;
    request.method = "POST";
    request.body = body;
    request.parameters["id"] = id;
    return ReplayDeadLetter(request, *deps_, Limits{});
  }
  model::Envelope LastSent() { return model::ParseEnvelope(sent_.back().body).value(); }
  std::string StoredPayload(const model::Envelope& envelope) {
    const auto claim = model::ClaimOf(envelope);
    if (!claim) return "no reference";
    const auto read = ports::ReadClaim(store_, {claim->root, claim->sha256}, claim->bytes, kTimeout);
    return read.ok() ? *read : read.error().message;
  }
  std::size_t Folders() { return store_.List("", 100, kTimeout)->size(); }

  // A dead letter of a child, which only names its payload.
  model::Envelope PutLetter(const std::string& payload) {
    model::Envelope failed;
    failed.id = "c1";
    failed.parent_id = "r1";
    failed.route = {{"zero"}, "first", {"second"}};
    failed.headers = {{model::kRootHeader, "r1"}, {"mine", "kept"}};
    failed.payload = payload;
    EXPECT_TRUE(ports::ClaimPayload(store_, failed, kTimeout).ok());
    ports::DeadLetter letter;
    letter.id = failed.id;
    letter.namespace_ = "default";
    letter.actor = "first";
    letter.envelope_json = SerializeEnvelope(failed);
    EXPECT_TRUE(tasks_->PutDeadLetters({letter}).ok());
    return failed;
  }

  storage::conformance::TemporaryFolder folder_;
  claims::directory::Store store_{folder_.File("claims")};
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<storage::sqlite::ObjectStore> objects_;
  std::unique_ptr<storage::sqlite::TaskStore> tasks_;
  Executor executor_{1, 16};
  TaskHub hub_{executor_, RealClock()};
  CancelFeed cancels_;
  std::optional<Deps> deps_;
  std::vector<ports::FirstMessage> sent_;
  bool refuses_ = false;
};

TEST_F(FirstMessage, ALargePayloadIsPutIntoTheStore) {
  const auto answer = Post(R"({"payload":)" + Large() + R"(,"next":["second"]})");
  ASSERT_EQ(answer.status, 201) << answer.body;
  const auto envelope = LastSent();
  EXPECT_LE(sent_.back().body.size(), kLimitBytes);
  EXPECT_TRUE(StoredPayload(envelope) == Large());
  EXPECT_EQ(model::ClaimOf(envelope)->root, envelope.id);
  EXPECT_EQ(ports::HoldersOf(*store_.Look(envelope.id, kTimeout)).open, std::vector<std::string>{envelope.id});
  EXPECT_EQ(tasks_->Get(envelope.id)->payload_json, Large());
}

TEST_F(FirstMessage, ASmallOneTravelsInTheMessage) {
  ASSERT_EQ(Post(R"({"payload":{"a":1}})").status, 201);
  EXPECT_EQ(LastSent().payload, R"({"a":1})");
  EXPECT_EQ(Folders(), 0U);
}

TEST_F(FirstMessage, WithoutAStoreItIsRefusedWithTheLimit) {
  deps_->claims = nullptr;
  const auto answer = Post(R"({"payload":)" + Large() + "}");
  EXPECT_EQ(answer.status, 413);
  EXPECT_NE(answer.body.find("4096"), std::string::npos) << answer.body;
  EXPECT_TRUE(sent_.empty());
}

TEST_F(FirstMessage, HeadersThatAreTooLargeAreRefusedAndLeaveNothing) {
  const auto answer = Post(R"({"payload":)" + Large() + R"(,"headers":{"a":)" + Large() + "}}");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(Folders(), 0U);
}

TEST_F(FirstMessage, ATaskThatIsNotStoredLeavesNothing) {
  refuses_ = true;
  EXPECT_GE(Post(R"({"payload":)" + Large() + "}").status, 400);
  EXPECT_EQ(Folders(), 0U);
  refuses_ = false;
  const std::string body = R"({"payload":)" + Large() + R"(,"idempotencyKey":"k"})";
  ASSERT_EQ(Post(body).status, 201);
  EXPECT_EQ(Post(body).status, 409);
  EXPECT_EQ(Folders(), 1U);
}

TEST_F(FirstMessage, TheHeadersOfTheRelaysAreNotAClients) {
  for (const char* name : {model::kClaimHeader, model::kRootHeader}) {
    const auto answer = Post(std::string(R"({"headers":{")") + name + R"(":{"root":"r1"}}})");
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(answer.body.find(std::string("headers.") + name), std::string::npos) << answer.body;
  }
}

TEST_F(FirstMessage, ALetterThatOnlyNamesItsPayloadIsReplayedWithIt) {
  PutLetter(Large());
  const auto answer = Replay("c1");
  ASSERT_EQ(answer.status, 201) << answer.body;
  const auto envelope = LastSent();
  EXPECT_NE(envelope.id, "c1");
  EXPECT_TRUE(StoredPayload(envelope) == Large());
  // A family of its own: it needs nothing of what the letter names.
  EXPECT_EQ(model::ClaimOf(envelope)->root, envelope.id);
  EXPECT_FALSE(envelope.headers.contains(model::kRootHeader));
  EXPECT_TRUE(envelope.headers.contains("mine"));
}

TEST_F(FirstMessage, APayloadAboveWhatATaskKeepsIsReplayedAndTold) {
  const std::string huge = "\"" + std::string(Limits{}.payload_bytes, 'h') + "\"";
  PutLetter(huge);
  ASSERT_EQ(Replay("c1").status, 201);
  EXPECT_TRUE(StoredPayload(LastSent()) == huge);
  const auto kept = json::Parse(tasks_->Get(LastSent().id)->payload_json).value();
  EXPECT_EQ(*kept.FindPath({"x-asya-dropped", "sha256"}), json::Value(Sha256Hex(huge)));
}

TEST_F(FirstMessage, AnEditedLetterNeedsNoStore) {
  const auto failed = PutLetter(Large());
  deps_->claims = nullptr;
  const auto refused = Replay("c1");
  EXPECT_EQ(refused.status, 404);
  EXPECT_NE(refused.body.find("replay it with a payload"), std::string::npos) << refused.body;
  const json::Value headers = failed.headers;
  ASSERT_EQ(Replay("c1", R"({"payload":7,"headers":)" + json::Dump(headers) + "}").status, 201);
  EXPECT_EQ(LastSent().payload, "7");
  EXPECT_FALSE(LastSent().headers.contains(model::kClaimHeader));
}

TEST_F(FirstMessage, ALostPayloadIsSaid) {
  PutLetter(Large());
  ASSERT_TRUE(store_.Remove("r1", {Sha256Hex(Large())}, kTimeout).ok());
  const auto answer = Replay("c1");
  EXPECT_EQ(answer.status, 404);
  EXPECT_NE(answer.body.find("lost"), std::string::npos) << answer.body;
  EXPECT_TRUE(sent_.empty());
}

TEST_F(FirstMessage, OneThatItsBrokerWillNeverTakeEndsItsTaskAndIsKept) {
  ASSERT_EQ(Post(R"({"payload":{"n":1},"next":["second"]})").status, 201);
  const model::Envelope sent = LastSent();
  const Error error{ErrorCode::kTooLarge, "a message for q has 30 bytes; at most 20 are accepted", ""};
  for (int time = 0; time < 2; ++time) {
    ASSERT_TRUE(RefuseFirstMessage(sent_.back().body, error, *tasks_, RealClock()).ok());
  }
  const auto task = tasks_->Get(sent.id).value();
  EXPECT_EQ(task.status, ports::TaskStatus::kFailed);
  EXPECT_EQ(json::Parse(task.error_json)->GetString("type"), "PayloadTooLarge");
  const auto letters = tasks_->ListDeadLetters({"default", "first"}).value().letters;
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].error_message, error.message);
  const auto kept = model::ParseEnvelope(tasks_->GetDeadLetter(sent.id)->envelope_json).value();
  EXPECT_EQ(kept.payload, R"({"n":1})");
  EXPECT_EQ(kept.status.phase, "failed");
  EXPECT_EQ(Replay(sent.id).status, 201);
}

}  // namespace
}  // namespace asya::gateway
