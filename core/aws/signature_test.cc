// AWS publishes requests and their signatures for implementers ("Signature Version 4 test suite", and the example of
// the IAM documentation); the keys are AWS's own example.
#include "core/aws/signature.h"

#include <gtest/gtest.h>

namespace asya::aws {
namespace {

const AwsKeys kKeys = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
constexpr const char* kDate = "20150830T123600Z";

std::string SignatureOf(const std::string& service, const ToSign& request) {
  Signer signer("us-east-1", service);
  const std::string header = signer.Sign(kKeys, kDate, request);
  // The same again, by the key that is kept.
  EXPECT_EQ(signer.Sign(kKeys, kDate, request), header);
  return header.substr(header.rfind('=') + 1);
}

ToSign Suite(std::string_view method) {
  return {method, "/", "", {{"host", "example.amazonaws.com"}, {"x-amz-date", kDate}}, "", ""};
}

TEST(Signature, IsThatOfThePublishedSuite) {
  EXPECT_EQ(SignatureOf("service", Suite("GET")), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(SignatureOf("service", Suite("POST")), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
  ToSign form = Suite("POST");
  form.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
  form.body = "Param1=value1";
  EXPECT_EQ(SignatureOf("service", form), "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

TEST(Signature, WhiteSpaceInHeadersIsFolded) {
  ToSign request = Suite("GET");
  request.headers.emplace_back("my-header1", " value1");
  request.headers.emplace_back("my-header2", " \"a   b   c\"");
  EXPECT_EQ(SignatureOf("service", request), "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
}

TEST(Signature, IsThatOfTheDocumentedExample) {
  const ToSign request{"GET",
                       "/",
                       "Action=ListUsers&Version=2010-05-08",
                       {{"x-amz-date", kDate},
                        {"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
                        {"host", "iam.amazonaws.com"}},
                       "",
                       ""};
  Signer signer("us-east-1", "iam");
  EXPECT_EQ(signer.Sign(kKeys, kDate, request),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

TEST(Signature, ANewDayOrNewKeysChangeIt) {
  Signer signer("us-east-1", "service");
  const std::string first = signer.Sign(kKeys, kDate, Suite("GET"));
  EXPECT_NE(signer.Sign(kKeys, "20150831T123600Z", Suite("GET")), first);
  EXPECT_NE(signer.Sign({"AKIDEXAMPLE", "another", ""}, kDate, Suite("GET")), first);
  EXPECT_EQ(signer.Sign(kKeys, kDate, Suite("GET")), first);
}

TEST(Signature, TheDateHasTheFormOfAmz) { EXPECT_EQ(AmzDate(WallTime(std::chrono::seconds(1'440'938'160))), kDate); }

}  // namespace
}  // namespace asya::aws
