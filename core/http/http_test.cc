#include <gtest/gtest.h>

#include "core/http/problem.h"
#include "core/http/request_reader.h"
#include "core/http/router.h"
#include "core/http/stream_buffer.h"
#include "core/http/target.h"

namespace asya::http {
namespace {

struct Caught {
  Response response;
  int answers = 0;
};

class CatchingSink final : public Responder::Sink {
 public:
  explicit CatchingSink(Caught& caught) : caught_(caught) {}
  void Send(Response response) override {
    caught_.response = std::move(response);
    ++caught_.answers;
  }
  std::shared_ptr<Stream> StartStream(Response) override { return nullptr; }

 private:
  Caught& caught_;
};

Caught Ask(const Router& router, const std::string& method, const std::string& path) {
  Caught caught;
  Request request;
  request.method = method;
  request.path = path;
  router.Handle(std::move(request), Responder(std::make_unique<CatchingSink>(caught)));
  return caught;
}

Handler Say(const std::string& name) {
  return [name](Request request, Responder responder) {
    Response response;
    response.body = name;
    for (const auto& [key, value] : request.parameters) response.body += " " + key + "=" + value;
    responder.Send(std::move(response));
  };
}

TEST(Headers, NamesCompareWithoutCase) {
  Headers headers;
  headers.Add("Accept", "a");
  headers.Add("accept", "b");
  EXPECT_EQ(headers.Get("ACCEPT"), "a");
  headers.Set("aCCept", "c");
  ASSERT_EQ(headers.all().size(), 1U);
  EXPECT_EQ(headers.Get("Accept"), "c");
  EXPECT_EQ(headers.Get("Accep"), std::nullopt);
}

TEST(Responder, DestroyedUnusedItAnswers500) {
  Caught caught;
  { const Responder unused(std::make_unique<CatchingSink>(caught)); }
  EXPECT_EQ(caught.answers, 1);
  EXPECT_EQ(caught.response.status, 500);
}

TEST(Router, LiteralSegmentsWinOverParameters) {
  Router router;
  router.Add("GET", "/t/{id}", Say("by-id"));
  router.Add("GET", "/t/latest", Say("latest"));
  router.Add("GET", "/t/{id}/events", Say("events"));
  router.Add("GET", "/{rest...}", Say("rest"));
  EXPECT_EQ(Ask(router, "GET", "/t/latest").response.body, "latest");
  EXPECT_EQ(Ask(router, "GET", "/t/a%2Fb").response.body, "by-id id=a/b");
  EXPECT_EQ(Ask(router, "GET", "/t/x/events").response.body, "events id=x");
  EXPECT_EQ(Ask(router, "GET", "/t/").response.body, "rest rest=t/");
  EXPECT_EQ(Ask(router, "GET", "/else/where").response.body, "rest rest=else/where");
  EXPECT_EQ(Ask(router, "HEAD", "/t/latest").response.body, "latest");
}

TEST(Router, SaysWhatItTakesWhereTheMethodIsWrong) {
  Router router;
  router.Add("GET", "/t/{id}", Say("get"));
  router.Add("DELETE", "/t/{id}", Say("delete"));
  const Caught wrong = Ask(router, "POST", "/t/1");
  EXPECT_EQ(wrong.response.status, 405);
  EXPECT_EQ(wrong.response.headers.Get("Allow"), "DELETE, GET");
  EXPECT_EQ(Ask(router, "GET", "/nothing").response.status, 404);
  EXPECT_EQ(Ask(router, "GET", "/t/%zz").response.status, 400);
}

TEST(Target, SplitsPathAndDecodedQuery) {
  const auto target = ParseTarget("/a%20b/c?x=1+2&y=%26&z&x=3");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a%20b/c");
  const std::vector<std::pair<std::string, std::string>> expected{{"x", "1 2"}, {"y", "&"}, {"z", ""}, {"x", "3"}};
  EXPECT_EQ(target->query, expected);
  EXPECT_EQ(ParseTarget("http://h:1/p?q=1")->path, "/p");
  for (const char* bad : {"", "p", "*", "/p?a=%4", "/p?a=%zz", "/p#f"}) EXPECT_FALSE(ParseTarget(bad)) << bad;
}

TEST(Target, EncodeThenDecodeGivesTheSame) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(PercentDecode(PercentEncode(all)), all);
  EXPECT_EQ(PercentEncode("a/b c"), "a%2Fb%20c");
}

TEST(Problem, EscapesTheDetail) {
  EXPECT_EQ(ProblemResponse(404, "no \"x\"\n").body, R"({"title":"Not Found","status":404,"detail":"no \"x\"\u000a"})");
}

TEST(RequestReader, TakesARequestByteByByteAndLeavesTheNext) {
  const std::string text = "PUT /a?b=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyzGET / HTTP/1.1\r\n\r\n";
  RequestReader reader(1024, 1024);
  std::string input;
  std::size_t i = 0;
  RequestReader::State state = RequestReader::State::kNeedMore;
  while (state == RequestReader::State::kNeedMore && i < text.size()) {
    input += text[i++];
    std::size_t consumed = 0;
    state = reader.Feed(input, consumed);
    input.erase(0, consumed);
  }
  ASSERT_EQ(state, RequestReader::State::kDone);
  const Request request = reader.Take();
  EXPECT_EQ(request.method, "PUT");
  EXPECT_EQ(request.path, "/a?b=1");
  EXPECT_EQ(request.body, "xyz");
  EXPECT_EQ(text.substr(i), "GET / HTTP/1.1\r\n\r\n");
}

TEST(RequestReader, NamesWhatIsWrong) {
  const auto status_of = [](const std::string& text) {
    RequestReader reader(200, 10);
    std::size_t consumed = 0;
    return reader.Feed(text, consumed) == RequestReader::State::kBad ? reader.status() : 0;
  };
  EXPECT_EQ(status_of("nonsense\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nA: " + std::string(300, 'x') + "\r\n\r\n"), 431);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n"), 413);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nxxxxxxxxxxx\r\n0\r\n\r\n"), 413);
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
}

TEST(StreamBuffer, CutsOffAPeerThatReadsTooSlowly) {
  int wakes = 0;
  StreamBuffer buffer(10, [&wakes] { ++wakes; });
  int closed = 0;
  buffer.OnClosed([&closed] { ++closed; });
  EXPECT_TRUE(buffer.Write("12345"));
  EXPECT_TRUE(buffer.Write("67890"));
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(buffer.Take().bytes, "1234567890");
  EXPECT_FALSE(buffer.Write("1")) << "what is being sent counts too";
  EXPECT_EQ(closed, 1);
  EXPECT_TRUE(buffer.cut_off());
  EXPECT_FALSE(buffer.Write("1"));
  buffer.OnClosed([&closed] { ++closed; });
  EXPECT_EQ(closed, 2);
}

TEST(StreamBuffer, TellsWhenItHasDrained) {
  StreamBuffer buffer(100, [] {});
  int drained = 0;
  buffer.OnDrained(4, [&drained] { ++drained; });
  EXPECT_EQ(drained, 1) << "nothing waits";
  EXPECT_TRUE(buffer.Write("12345"));
  buffer.OnDrained(4, [&drained] { ++drained; });
  EXPECT_EQ(buffer.Take().bytes, "12345");
  EXPECT_EQ(drained, 1) << "taken is not sent";
  buffer.Written();
  EXPECT_EQ(drained, 2);
  EXPECT_TRUE(buffer.Write("12345"));
  buffer.OnDrained(4, [&drained] { ++drained; });
  buffer.Ended();
  EXPECT_EQ(drained, 3) << "nobody waits for a closed stream";
}

TEST(StreamBuffer, GivesEverythingBeforeTheEnd) {
  StreamBuffer buffer(10, [] {});
  EXPECT_TRUE(buffer.Write("a"));
  buffer.Close();
  EXPECT_FALSE(buffer.Write("b"));
  const StreamBuffer::Work work = buffer.Take();
  EXPECT_EQ(work.bytes, "a");
  EXPECT_TRUE(work.end);
}

}  // namespace
}  // namespace asya::http
