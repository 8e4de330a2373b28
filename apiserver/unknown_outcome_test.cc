// Writes that the store did not answer in time: whether they happened nobody knows.
#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

// Writes end with the error of the day, reads as those of the store beneath.
class FailingStore final : public ports::ObjectStore {
 public:
  explicit FailingStore(ports::ObjectStore& inner) : inner_(inner) {}
  Result<ports::Record> Create(ports::Record /*record*/, const ports::Author& /*author*/) override { return error; }
  Result<ports::Record> Update(ports::Record /*record*/, const ports::Precondition& /*precondition*/,
                               const ports::Author& /*author*/) override {
    return error;
  }
  Result<ports::Record> Delete(const ports::ObjectKey& /*key*/, const ports::Precondition& /*precondition*/,
                               const ports::Author& /*author*/) override {
    return error;
  }
  Result<ports::Record> Get(const ports::ObjectKey& key) override { return inner_.Get(key); }
  Result<ports::Page> List(const ports::ListQuery& /*query*/) override { return error; }
  Result<ports::Revision> Head() override { return inner_.Head(); }
  Result<std::shared_ptr<void>> Watch(const ports::WatchQuery& query, ports::Revision from,
                                      std::shared_ptr<ports::WatchSink> sink) override {
    return inner_.Watch(query, from, std::move(sink));
  }
  Result<std::vector<ports::HistoryEntry>> History(const ports::HistoryQuery& query) override {
    return inner_.History(query);
  }
  Status Compact(ports::Revision upto) override { return inner_.Compact(upto); }

  Error error = Fail(ErrorCode::kTimeout, "no answer within a second");

 private:
  ports::ObjectStore& inner_;
};

// Clients send again what has a Retry-After, and would create, or append, twice.
TEST_F(TestApi, AWriteOfUnknownOutcomeIsNotToBeSentAgain) {
  ASSERT_EQ(Create(Actor("a")).status, 201);
  FailingStore failing(store_);
  served_ = &failing;
  Open({});
  const auto writes = [this] {
    json::Value generated = Actor("x");
    generated["metadata"] = json::Object{{"generateName", "run-"}};
    return std::vector<Answer>{Create(generated),
                               JsonPatch(Path("a"), R"([{"op":"add","path":"/metadata/labels","value":{"a":"b"}}])"),
                               Send("DELETE", Path("a"))};
  };
  for (const Answer& answer : writes()) {
    EXPECT_EQ(answer.status, 504) << answer.text;
    EXPECT_EQ(answer.headers.Get("Retry-After"), std::nullopt);
    EXPECT_EQ(answer.At("/details/retryAfterSeconds"), "(absent)");
  }
  EXPECT_EQ(Get(kActors).headers.Get("Retry-After"), "1") << "a read may be";
  failing.error = Fail(ErrorCode::kUnavailable, "no connection");
  for (const Answer& answer : writes()) {
    EXPECT_EQ(answer.status, 503) << answer.text;
    EXPECT_EQ(answer.headers.Get("Retry-After"), "1") << "it did not happen";
  }
  Shut();
}

}  // namespace
}  // namespace asya::apiserver
