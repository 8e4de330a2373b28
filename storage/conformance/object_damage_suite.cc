// What is stored and cannot be decoded: it is told, and nothing else suffers.
#include "storage/conformance/object_store_suite.h"

namespace asya::storage::conformance {
namespace {

using ports::Record;
using ports::Revision;

const ports::ListQuery kAll{"asyncactors", {}, {}, 0, {}, {}};

Record DamagedRecord() {
  Record record;
  record.key = {"asyncactors", "default", "b-bad"};
  record.uid = "uid-bad";
  record.json = std::make_shared<const std::string>(R"({"apiVersion":"asya.sh/v1alpha1","metadata":{"name":"b-bad"}})");
  return record;
}

void ExpectTold(const Error& error) {
  EXPECT_EQ(error.code, ErrorCode::kInternal);
  EXPECT_NE(error.message.find("asyncactors \"b-bad\" in namespace \"default\" cannot be decoded"), std::string::npos)
      << error.message;
}

TEST_P(ObjectStoreSuite, WhatCannotBeDecodedFailsTheReadsThatHaveItAndNoOthers) {
  MustCreate("default", "a");
  Record bad = DamagedRecord();
  for (const char* text : {"", "{", "[]", "{}", R"({"metadata":{"name":"b-bad"})", R"({"metadata":{}} x)"}) {
    bad.json = std::make_shared<const std::string>(text);
    ASSERT_TRUE(below().Create(bad, kAuthor).ok());
    const auto read = store().Get(bad.key);
    ASSERT_FALSE(read.ok()) << text;
    ExpectTold(read.error());
    ExpectTold(store().List(kAll).error());
    ExpectTold(store().History({bad.key, bad.uid, {}, {}, 10}).error());
    EXPECT_TRUE(store().Get(MakeRecord("default", "a").key).ok());
    ports::ListQuery first = kAll;
    first.limit = 1;
    EXPECT_EQ(Names(store().List(first)->items), std::vector<std::string>{"default/a"});
    first.namespace_ = "other";
    EXPECT_TRUE(store().List(first)->items.empty());
    ASSERT_TRUE(below().Delete(bad.key, {}, kAuthor).ok());
    EXPECT_EQ(store().List(kAll)->items.size(), 1U);
  }
}

// From the tail and from the log.
TEST_P(ObjectStoreSuite, AWatchGoesOnWithoutWhatCannotBeDecoded) {
  const Revision begin = Head();
  const auto live = std::make_shared<RecordingSink>();
  const auto watch = store().Watch({"asyncactors", {}}, begin, live).value();
  MustCreate("default", "a");
  Record bad = DamagedRecord();
  bad.json = std::make_shared<const std::string>("{");
  ASSERT_TRUE(below().Create(bad, kAuthor).ok());
  MustCreate("default", "c");
  const auto late = std::make_shared<RecordingSink>();
  const auto again = store().Watch({"asyncactors", {}}, begin, late).value();
  for (const auto& sink : {live, late}) {
    const auto events = sink->WaitForEvents(2);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[1].record.key.name, "c");
  }
  // Nobody could be told of its end, or of what it was: whoever watches lists anew.
  ASSERT_TRUE(below().Delete(bad.key, {}, kAuthor).ok());
  MustCreate("default", "d");
  for (const auto& sink : {live, late}) {
    EXPECT_EQ(sink->WaitForClose().value().code, ErrorCode::kExpired);
    EXPECT_EQ(sink->Events().size(), 2U);
  }
}

TEST_P(ObjectStoreSuite, WhatCanBeDecodedAgainEndsWatchesToo) {
  Record bad = DamagedRecord();
  const std::string good = *bad.json;
  bad.json = std::make_shared<const std::string>("{");
  ASSERT_TRUE(below().Create(bad, kAuthor).ok());
  const auto sink = std::make_shared<RecordingSink>();
  const auto watch = store().Watch({"asyncactors", {}}, Head(), sink).value();
  bad.json = std::make_shared<const std::string>(good);
  ASSERT_TRUE(store().Update(bad, {}, kAuthor).ok());
  EXPECT_EQ(sink->WaitForClose().value().code, ErrorCode::kExpired);
  EXPECT_EQ(store().List(kAll)->items.size(), 1U);
}

}  // namespace
}  // namespace asya::storage::conformance
