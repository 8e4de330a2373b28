#include "webhooks/review.h"

#include <gtest/gtest.h>

#include "core/base/base64.h"
#include "core/json/parse.h"

namespace asya::webhooks {
namespace {

std::string Envelope(const std::string& request) {
  return R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":)" + request + "}";
}

TEST(ParseReview, ReadsWhatIsAsked) {
  const auto review = ParseReview(Envelope(
      R"({"uid":"u","operation":"CREATE","resource":{"group":"","version":"v1","resource":"pods"},"namespace":"n",)"
      R"("dryRun":true,"object":{"a":1},"oldObject":null})"));
  ASSERT_TRUE(review.ok());
  EXPECT_EQ(review->uid + review->operation + review->resource + review->namespace_, "uCREATEpodsn");
  EXPECT_TRUE(review->dry_run);
  EXPECT_EQ(json::Dump(review->object), R"({"a":1})");
  EXPECT_TRUE(review->old_object.IsNull());
}

TEST(ParseReview, SaysWhatIsAccepted) {
  const auto mistake = [](const std::string& body) {
    const auto review = ParseReview(body);
    return review.ok() ? "" : review.error().field + ": " + review.error().message;
  };
  EXPECT_NE(mistake("{").find("the body is no JSON"), std::string::npos);
  EXPECT_EQ(mistake(R"({"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"})"),
            "apiVersion: got \"admission.k8s.io/v1beta1\" \"AdmissionReview\"; admission.k8s.io/v1 AdmissionReview is "
            "accepted: set admissionReviewVersions: [v1]");
  EXPECT_EQ(mistake("[]").substr(0, 20), "apiVersion: got \"\" \"");
  EXPECT_EQ(mistake(Envelope("1")), "request: Required value");
  EXPECT_EQ(mistake(Envelope("{}")), "request.uid: Required value");
  const auto huge = ParseReview(std::string(kReviewBytesMax + 1, ' '));
  EXPECT_EQ(huge.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(huge.error().message, "the review has 4194305 bytes; at most 4194304 are accepted");
  EXPECT_FALSE(ParseReview(Envelope(std::string(100'000, '['))).ok()) << "deeper than any pod";
}

TEST(RenderReview, GivesPatchesInBase64) {
  Verdict verdict;
  verdict.patch = json::Array{json::Object{{"op", "remove"}, {"path", "/a"}}};
  const json::Value review = json::Parse(RenderReview("u", verdict)).value();
  EXPECT_EQ(review.FindPath({"response", "uid"})->AsString(), "u");
  EXPECT_EQ(DecodeBase64(review.FindPath({"response", "patch"})->AsString()), R"([{"op":"remove","path":"/a"}])");
  EXPECT_EQ(review.FindPath({"response", "patchType"})->AsString(), "JSONPatch");
  EXPECT_EQ(RenderReview("u", {}),
            R"({"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"allowed":true,"uid":"u"}})");
}

TEST(RenderReview, TellsWhyNot) {
  const json::Value review = json::Parse(RenderReview("u", Refusal(Invalid("spec.a", "is wrong")))).value();
  EXPECT_EQ(json::Dump(*review.FindPath({"response", "status"})),
            R"({"code":422,"message":"spec.a: is wrong","reason":"Invalid","status":"Failure"})");
  EXPECT_EQ(Refusal(Fail(ErrorCode::kUnavailable, "later")).code, 503);
  EXPECT_EQ(Refusal(Fail(ErrorCode::kInternal, "fault")).code, 500);
}

}  // namespace
}  // namespace asya::webhooks
