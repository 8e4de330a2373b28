#include "relay/endpoint.h"

#include <gtest/gtest.h>

#include <map>

#include "relay/model_request.h"
#include "relay/status_error.h"

namespace asya::relay {
namespace {

Endpoint Read(const std::string& text, std::vector<Error>& problems, const std::string& allow = "") {
  const std::map<std::string, std::string> variables = {{"API_KEY", "sk-0123456789"}, {"FROM_FILE", "abc\n"}};
  return ParseEndpoint(
      text, allow,
      [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
      },
      problems);
}

Endpoint Read(const std::string& text) {
  std::vector<Error> problems;
  Endpoint endpoint = Read(text, problems);
  EXPECT_EQ(problems.size(), 0U) << problems.front().message;
  return endpoint;
}

std::string RequestOf(const std::string& endpoint, const std::string& payload) {
  const auto request = MakeModelRequest(
      Read(endpoint), R"({"id":"1","route":{"prev":[],"curr":"a","next":[]},"headers":{"traceparent":"00-ab-cd-01"},)"
                      R"("payload":)" +
                          payload + "}");
  return request.ok() ? request->bytes : ErrorCodeName(request.error().code);
}

std::string BodyOf(const std::string& endpoint, const std::string& payload) {
  const std::string bytes = RequestOf(endpoint, payload);
  const std::size_t end = bytes.find("\r\n\r\n");
  return end == std::string::npos ? bytes : bytes.substr(end + 4);
}

TEST(Endpoint, TheUrlIsCompletedByTheProtocol) {
  const Endpoint chat = Read(R"({"url":"https://api.example.com/v1/","protocol":"openai"})");
  EXPECT_TRUE(chat.tls);
  EXPECT_EQ(chat.address.host, "api.example.com");
  EXPECT_EQ(chat.address.port, "443");
  EXPECT_EQ(chat.target, "/v1/chat/completions");
  EXPECT_EQ(Read(R"({"url":"http://a/v1/chat/completions?x=1","protocol":"openai"})").target,
            "/v1/chat/completions?x=1");
  EXPECT_EQ(Read(R"({"url":"http://a:1/v2/models/m?x=1","protocol":"v2"})").target, "/v2/models/m/infer?x=1");
  const Endpoint six = Read(R"({"url":"http://[fd00::1]:81?q"})");
  EXPECT_EQ(six.address.host, "fd00::1");
  EXPECT_EQ(six.address.port, "81");
  EXPECT_EQ(six.target, "/?q");
  EXPECT_EQ(six.authority, "[fd00::1]:81");
  EXPECT_EQ(Read(R"({"url":"http://[fd00::1]/x"})").address.port, "80");
}

TEST(Endpoint, EveryMistakeIsNamedAndNoValueOfAHeader) {
  std::vector<Error> problems;
  (void)Read(R"({"url":"ftp://x","protocol":"grpc","timeout":"soon","input":"a","output":"/~2","method":"A B",)"
             R"--("headers":{"A":"$(NO)","B":"$(ASYA_X)","C D":"1","Host":"x","E":"hidden\u0001","F":"$(x","G":1}})--",
             problems, "loopback,all");
  EXPECT_EQ(problems.size(), 14U);
  for (const Error& problem : problems) EXPECT_EQ(problem.message.find("hidden"), std::string::npos);
  for (const char* url : {"http://", "http://u:p@h/", "http://h/a b", "http://h:x/", "http://h/#f", "http://:80/"}) {
    problems.clear();
    (void)Read(std::string(R"({"url":")") + url + "\"}", problems);
    EXPECT_EQ(problems.size(), 1U) << url;
  }
  problems.clear();
  (void)Read("[]", problems);
  EXPECT_EQ(problems.size(), 1U);
  for (const char* member : {R"("headers":["a"])", R"("timeout":30)", R"("retries":3)", R"("method":"BREW")"}) {
    problems.clear();
    (void)Read(R"({"url":"http://h/",)" + std::string(member) + "}", problems);
    EXPECT_EQ(problems.size(), 1U) << member;
  }
}

TEST(Endpoint, HeadersTakeValuesFromVariables) {
  const Endpoint endpoint =
      Read(R"--({"url":"http://a","headers":{"Authorization":"Bearer $(API_KEY)","X":"$(FROM_FILE)"}})--");
  ASSERT_EQ(endpoint.headers.size(), 2U);
  EXPECT_EQ(endpoint.headers[0].second, "Bearer sk-0123456789");
  EXPECT_EQ(endpoint.headers[1].second, "abc");
  std::string text = "wrong key sk-0123456789, sk-0123456789";
  Redact(text, endpoint.secrets);
  EXPECT_EQ(text, "wrong key ***, ***");
}

TEST(ModelRequest, SendsThePartOfThePayloadThatTheProtocolTakes) {
  EXPECT_EQ(BodyOf(R"({"url":"http://a","input":"/in"})", R"({"in": [1.50]})"), "[1.50]");
  EXPECT_EQ(BodyOf(R"({"url":"http://a","input":"/no"})", R"({"in":1})"), "NotFound");
  EXPECT_EQ(BodyOf(R"({"url":"http://a","method":"GET","input":"/no"})", "{}"), "");
  const std::string chat = R"({"url":"http://a/v1","protocol":"openai"})";
  const std::string streamed = R"(,"stream":true,"stream_options":{"include_usage":true}})";
  EXPECT_EQ(BodyOf(chat, R"("hi")"), R"({"messages":[{"role":"user","content":"hi"}])" + streamed);
  EXPECT_EQ(BodyOf(chat, R"([{"role":"user"}])"), R"({"messages":[{"role":"user"}])" + streamed);
  EXPECT_EQ(BodyOf(chat, R"({"messages":[]})"), R"({"messages":[])" + streamed);
  EXPECT_EQ(BodyOf(chat, R"({"messages":[],"stream":false})"), R"({"messages":[],"stream":false})");
  for (const char* wrong : {"1", "{}", "null"}) EXPECT_EQ(BodyOf(chat, wrong), "Invalid");
  const std::string infer = R"({"url":"http://a/v2/models/m","protocol":"v2"})";
  EXPECT_EQ(BodyOf(infer, R"({"inputs":[]})"), R"({"inputs":[]})");
  for (const char* wrong : {"1", "{}", "[]"}) EXPECT_EQ(BodyOf(infer, wrong), "Invalid");
}

TEST(ModelRequest, TheHeadIsOurs) {
  const std::string head =
      RequestOf(R"({"url":"http://a:1/p","method":"PUT","headers":{"content-type":"text/x"}})", "1");
  EXPECT_EQ(head,
            "PUT /p HTTP/1.1\r\nHost: a:1\r\nUser-Agent: asya-relay\r\nAccept: application/json\r\nContent-Length: 1"
            "\r\ntraceparent: 00-ab-cd-01\r\ncontent-type: text/x\r\n\r\n1");
}

TEST(Reach, WhatIsNotForEveryoneIsRefused) {
  for (const char* ip : {"8.8.8.8", "10.0.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "2606:4700::1"}) {
    EXPECT_TRUE(CheckReach(ip, {}).ok()) << ip;
  }
  for (const char* ip : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"}) {
    EXPECT_FALSE(CheckReach(ip, {false, true}).ok()) << ip;
    EXPECT_TRUE(CheckReach(ip, {true, false}).ok()) << ip;
  }
  for (const char* ip : {"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1", "fe80::1%1",
                         "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"}) {
    EXPECT_FALSE(CheckReach(ip, {true, false}).ok()) << ip;
    EXPECT_TRUE(CheckReach(ip, {false, true}).ok()) << ip;
  }
  for (const char* ip : {"0.0.0.0", "::", "0.1.2.3", "255.255.255.255", "240.0.0.1", "224.0.0.1", "ff02::1", "x"}) {
    EXPECT_FALSE(CheckReach(ip, {true, true}).ok()) << ip;
  }
}

TEST(Reach, ServicesOfCloudsInUniqueLocalNetworksAreRefused) {
  for (const char* ip : {"fd00:ec2::23", "fd00:ec2::253", "fd00:ec2:0:1::1", "fd20:ce::254", "fd00:42::42"}) {
    EXPECT_FALSE(CheckReach(ip, {true, false}).ok()) << ip;
    EXPECT_TRUE(CheckReach(ip, {false, true}).ok()) << ip;
  }
  for (const char* ip : {"fd00:ec3::23", "fd20:ce::253", "fd12:3456::1"}) EXPECT_TRUE(CheckReach(ip, {}).ok()) << ip;
}

// Where the IPv4 address stands depends on the length of the prefix, which the address does not tell.
TEST(Reach, LocalTranslationPrefixesAreLookedIntoAtEachLength) {
  for (const char* ip : {"64:ff9b:1::a9fe:a9fe", "64:ff9b:1:2:3:4:a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::",
                         "64:ff9b:1:a9:fe:a9fe::", "64:ff9b:1::a9:fea9:fe00:0", "64:ff9b:1::6464:64c8"}) {
    EXPECT_FALSE(CheckReach(ip, {true, false}).ok()) << ip;
    EXPECT_TRUE(CheckReach(ip, {true, true}).ok()) << ip;
  }
  EXPECT_FALSE(CheckReach("64:ff9b:1::7f00:1", {false, true}).ok());
  EXPECT_FALSE(CheckReach("64:ff9b:1::", {true, true}).ok());
  for (const char* ip : {"64:ff9b:1::a01:203", "64:ff9b:1:fffe::a01:203", "64:ff9b:1:a01:2:300::"}) {
    EXPECT_TRUE(CheckReach(ip, {}).ok()) << ip;
  }
}

TEST(StatusError, HasATypeAndAncestorsThatPoliciesCanName) {
  const HandlerError many = StatusError(429, "slow down");
  EXPECT_EQ(many.type, "http.TooManyRequests");
  EXPECT_EQ(many.mro,
            (std::vector<std::string>{"http.Status429", "http.Transient", "http.ClientError", "http.StatusError"}));
  EXPECT_EQ(many.message, "the model server answered 429: slow down");
  EXPECT_EQ(StatusError(418, "").type, "http.ClientError");
  EXPECT_EQ(StatusError(599, "").type, "http.ServerError");
  EXPECT_EQ(StatusError(302, "").type, "http.Redirect");
  EXPECT_EQ(ErrorIn(json::Object{{"code", 503}}).type, "http.ServiceUnavailable");
  EXPECT_EQ(ErrorIn("bad").message, "the model server answered an error: bad");
}

TEST(StatusError, FindsTheMessageOfCommonServers) {
  EXPECT_EQ(MessageIn(R"({"error":{"message":"m"}})"), "m");
  EXPECT_EQ(MessageIn(R"({"error":"m"})"), "m");
  EXPECT_EQ(MessageIn(R"({"detail":"m"})"), "m");
  for (const char* none : {"", "<html>", "[]", R"({"detail":[{"input":"a secret"}]})"}) EXPECT_EQ(MessageIn(none), "");
}

TEST(StatusError, RetryAfterIsSecondsOrADate) {
  const WallTime now{std::chrono::seconds(1'700'000'000)};  // Tue, 14 Nov 2023 22:13:20 GMT
  EXPECT_EQ(RetryAfter("7", now), std::chrono::seconds(7));
  EXPECT_EQ(RetryAfter("Tue, 14 Nov 2023 22:13:30 GMT", now), std::chrono::seconds(10));
  EXPECT_EQ(RetryAfter("Tue, 14 Nov 2023 22:00:00 GMT", now), std::chrono::seconds(0));
  EXPECT_EQ(RetryAfter("999999999", now), std::chrono::hours(1));
  for (const char* none : {"", "soon", "1.5", "99999999999999999999"}) EXPECT_EQ(RetryAfter(none, now), std::nullopt);
}

}  // namespace
}  // namespace asya::relay
