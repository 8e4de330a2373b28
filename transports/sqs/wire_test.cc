// What is said to SQS and what is made of its answers, right or wrong.
#include <gmock/gmock.h>

#include "core/base/base64.h"
#include "core/json/parse.h"
#include "core/json/value.h"
#include "transports/sqs/replies.h"
#include "transports/sqs/requests.h"
#include "transports/sqs/text.h"

namespace asya::transports::sqs {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// What SQS would hand over for a message that was sent so.
std::string AnswerWith(const Parcel& parcel) {
  const json::Value entry = json::Parse("{" + SendEntry(parcel) + "}").value();
  json::Object message = {{"MessageId", "m-1"},
                          {"ReceiptHandle", "r-1"},
                          {"Body", *entry.Find("MessageBody")},
                          {"Attributes", json::Object{{"ApproximateReceiveCount", "3"}, {"SentTimestamp", "1700"}}}};
  if (const json::Value* attributes = entry.Find("MessageAttributes")) message["MessageAttributes"] = *attributes;
  return json::Dump(json::Object{{"Messages", json::Array{message}}});
}

Received RoundTrip(const Parcel& parcel) { return ReadReceived(AnswerWith(parcel)).value().at(0); }

TEST(SqsText, KnowsWhatSqsTakes) {
  for (const char* good : {"a", "\t\r\n", "{\"a\":1}", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x7f"}) {
    EXPECT_TRUE(IsPlainText(good)) << good;
  }
  for (const std::string& bad : {std::string(), std::string(1, '\0'), std::string("\x1b"), std::string("\x80"),
                                 std::string("\xc3"), std::string("\xc0\x80"), std::string("\xed\xa0\x80"),
                                 std::string("\xef\xbf\xbe"), std::string("\xf4\x90\x80\x80"), std::string("\xff")}) {
    EXPECT_FALSE(IsPlainText(bad));
  }
}

TEST(SqsText, Base64OfEachLength) {
  // RFC 4648, section 10.
  const std::vector<std::pair<std::string, std::string>> vectors = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(EncodeBase64(bytes), text);
    EXPECT_EQ(FromBase64(text), bytes);
  }
  for (const char* wrong : {"Z", "Zg=", "Z===", "Zg==Zg==", "Zm9\n", "=m9v"})
    EXPECT_EQ(FromBase64(wrong), std::nullopt);
}

TEST(SqsWire, AMessageArrivesAsItWasSent) {
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  for (const std::string& body : {std::string("{\"a\":\"\xc3\xa9\\n\"}"), std::string(), every, std::string("=")}) {
    Parcel parcel{body, "id-1", std::chrono::seconds(7), WallTime(std::chrono::microseconds(1234567)), 2};
    EXPECT_THAT(SendEntry(parcel), HasSubstr("\"DelaySeconds\":7"));
    const Received received = RoundTrip(parcel);
    EXPECT_EQ(received.body, body);
    EXPECT_EQ(received.message_id, "id-1");
    EXPECT_EQ(received.due, parcel.due);
    EXPECT_EQ(received.crashes, 2);
    EXPECT_EQ(received.receive_count, 3);
    EXPECT_EQ(received.sent_at, WallTime(std::chrono::milliseconds(1700)));
  }
}

TEST(SqsWire, WhatTravelsAsBase64IsCountedSo) {
  EXPECT_EQ(CountedBytes("abc"), 3U);
  EXPECT_EQ(CountedBytes(std::string(3, '\0')), 4U);
  EXPECT_EQ(CountedBytes(std::string(4, '\0')), 8U);
}

TEST(SqsWire, EachEntryOfABatchEndsByItself) {
  const auto outcomes = ReadBatch(
      R"({"Successful":[{"Id":"2"}],"Failed":[
          {"Id":"0","SenderFault":true,"Code":"ReceiptHandleIsInvalid","Message":"x"},
          {"Id":"1","SenderFault":false,"Code":"InternalError"},
          {"Id":"9","SenderFault":true,"Code":"X"}, {"Id":"-1"}, 7]})",
      4);
  ASSERT_TRUE(outcomes.ok());
  EXPECT_EQ((*outcomes)[0].status.error().code, ErrorCode::kConflict);
  EXPECT_FALSE((*outcomes)[0].again);
  EXPECT_EQ((*outcomes)[1].status.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE((*outcomes)[1].again);
  EXPECT_TRUE((*outcomes)[2].status.ok());
  EXPECT_EQ((*outcomes)[3].status.error().code, ErrorCode::kUnavailable);
}

TEST(SqsWire, WrongAnswersAreErrorsAndNothingElse) {
  for (const char* wrong : {"", "[]", "7", "{", "{\"Messages\":7}", "\xff"}) EXPECT_FALSE(ReadReceived(wrong).ok());
  EXPECT_THAT(ReadReceived(R"({"Messages":null})").value(), IsEmpty());
  EXPECT_THAT(ReadReceived(R"({"Messages":[7,{"Body":"without receipt"},{"ReceiptHandle":7}]})").value(), IsEmpty());
  const auto odd = ReadReceived(
      R"({"Messages":[{"ReceiptHandle":"r","Body":"no base64!",
          "Attributes":{"ApproximateReceiveCount":"-5","SentTimestamp":"99999999999999999999"},
          "MessageAttributes":{"asya.bytes":{"StringValue":"base64"},"asya.crashes":{"StringValue":"x"}}}]})");
  ASSERT_TRUE(odd.ok());
  EXPECT_EQ(odd->at(0).receive_count, 1);
  EXPECT_EQ(odd->at(0).body, "no base64!");
  EXPECT_FALSE(ReadQueueUrl("{}").ok());
}

TEST(SqsWire, ARefusalIsKnownByItsTypeItsHeaderOrItsStatus) {
  EXPECT_EQ(ReadRefusal(400, R"({"__type":"com.amazonaws.sqs#QueueDoesNotExist"})", "").error.code,
            ErrorCode::kNotFound);
  EXPECT_EQ(ReadRefusal(400, "", "AWS.SimpleQueueService.NonExistentQueue;Sender").error.code, ErrorCode::kNotFound);
  EXPECT_TRUE(ReadRefusal(503, "<html>", "").again);
  EXPECT_EQ(ReadRefusal(429, "", "").error.code, ErrorCode::kTooMany);
  EXPECT_TRUE(ReadRefusal(400, R"({"__type":"x#RequestThrottled"})", "").again);
  EXPECT_FALSE(ReadRefusal(403, R"({"__type":"AccessDenied"})", "").again);
}

// kInvalid is the end of an envelope: nothing that passes by itself may look like it.
TEST(SqsWire, OnlyWhatSqsNeverTakesIsInvalid) {
  for (const int status : {400, 404, 405, 413}) {
    const Refusal refusal = ReadRefusal(status, "<html>", "");
    EXPECT_EQ(refusal.error.code, ErrorCode::kUnavailable) << status;
    EXPECT_TRUE(refusal.again) << status;
  }
  for (const std::string type : {"KmsDisabled", "KmsInvalidState", "KmsNotFound", "KmsOptInRequired", "New"}) {
    EXPECT_EQ(ReadRefusal(400, "{\"__type\":\"x#" + type + "\"}", "").error.code, ErrorCode::kUnavailable) << type;
    const std::string batch = R"({"Failed":[{"Id":"0","SenderFault":true,"Code":")" + type + "\"}]}";
    EXPECT_EQ(ReadBatch(batch, 1)->at(0).status.error().code, ErrorCode::kUnavailable) << type;
    EXPECT_TRUE(ReadBatch(batch, 1)->at(0).again) << type;
  }
  EXPECT_EQ(ReadRefusal(400, R"({"__type":"x#InvalidMessageContents"})", "").error.code, ErrorCode::kInvalid);
  const auto outcomes = ReadBatch(
      R"({"Failed":[{"Id":"0","SenderFault":true,"Code":"InvalidMessageContents"},
                    {"Id":"1","SenderFault":false,"Code":"InvalidMessageContents"}]})",
      2);
  EXPECT_EQ(outcomes->at(0).status.error().code, ErrorCode::kInvalid);
  EXPECT_FALSE(outcomes->at(0).again);
  EXPECT_EQ(outcomes->at(1).status.error().code, ErrorCode::kUnavailable);
}

TEST(SqsWire, ARefusalOfCredentialsDoesNotRepeatThem) {
  const auto refusal = ReadRefusal(
      403, R"({"__type":"x#InvalidSignatureException","message":"the string was ... x-amz-security-token:SECRET"})",
      "");
  EXPECT_TRUE(refusal.stale_keys);
  EXPECT_THAT(refusal.error.message, Not(HasSubstr("SECRET")));
}

}  // namespace
}  // namespace asya::transports::sqs
