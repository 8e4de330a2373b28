#include <gtest/gtest.h>

#include "core/http/server.h"
#include "core/json/parse.h"
#include "core/otlp/span_exporter.h"

namespace asya::otlp {
namespace {

constexpr const char* kTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

Span MakeSpan(const std::string& name) {
  const auto context = *ParseTraceparent(kTraceparent);
  Span span;
  span.trace_id = context.trace_id;
  span.span_id = NewSpanId();
  span.parent_span_id = context.span_id;
  span.name = name;
  span.kind = SpanKind::kConsumer;
  span.start = WallTime(std::chrono::microseconds(1'700'000'000'000'001));
  span.end = span.start + std::chrono::milliseconds(2);
  span.attributes = {{"asya.actor", "infer"}};
  return span;
}

TEST(Traceparent, IsReadAndWritten) {
  const auto context = ParseTraceparent(kTraceparent);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(context->span_id, "b7ad6b7169203331");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(FormatTraceparent(*context), kTraceparent);
  EXPECT_FALSE(ParseTraceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")->sampled);
}

TEST(Traceparent, OtherTextsAreRefused) {
  for (const char* text : {"", "00", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                           "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                           "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                           "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                           "00-0af7651916cd43dd8448eb211c80319c+b7ad6b7169203331-01"}) {
    EXPECT_FALSE(ParseTraceparent(text)) << text;
  }
}

TEST(SpanQueue, DropsAndCountsWhatDoesNotFit) {
  observe::Metrics metrics;
  SpanQueue queue(metrics, "asya");
  for (std::size_t i = 0; i < kSpansWaitingMax + 3; ++i) queue.Add(MakeSpan("s"));
  EXPECT_EQ(queue.size(), kSpansWaitingMax);
  EXPECT_EQ(queue.Take().size(), kSpansBatchMax);
  EXPECT_NE(metrics.Text().find("asya_spans_dropped_total 3"), std::string::npos);
}

TEST(SpanExporter, SendsWhatACollectorReads) {
  std::mutex mutex;
  std::vector<std::pair<std::string, std::string>> received;
  http::Listen listen;
  listen.tcp = {"127.0.0.1", 0};
  const auto collector = http::Server::Create(
                             std::move(listen), {},
                             [&](http::Request request, http::Responder responder) {
                               const std::lock_guard lock(mutex);
                               received.emplace_back(request.path, request.body);
                               responder.Send({200, "{}", "application/json", {}});
                             },
                             observe::Logger::Silent(), nullptr)
                             .value();
  collector->Start();
  observe::Metrics metrics;
  SpanQueue queue(metrics, "asya");
  SpanExporter exporter({"http://" + collector->address(), {{"service.name", "asya-server"}}}, queue,
                        observe::Logger::Silent());
  exporter.Start();
  Span failed = MakeSpan("actor.process");
  failed.error = "RuntimeError";
  queue.Add(failed);
  exporter.Stop();
  collector->Stop(std::chrono::milliseconds(100));
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(received[0].first, "/v1/traces");
  const json::Value body = json::Parse(received[0].second).value();
  const json::Value& whole = body.Find("resourceSpans")->AsArray()[0];
  EXPECT_EQ(json::Dump(*whole.FindPath({"resource", "attributes"})),
            R"([{"key":"service.name","value":{"stringValue":"asya-server"}}])");
  const json::Value& span = whole.Find("scopeSpans")->AsArray()[0].Find("spans")->AsArray()[0];
  EXPECT_EQ(span.GetString("traceId"), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(span.GetString("parentSpanId"), "b7ad6b7169203331");
  EXPECT_EQ(span.GetString("spanId"), failed.span_id);
  EXPECT_EQ(span.GetInt("kind"), 5);
  EXPECT_EQ(span.GetString("startTimeUnixNano"), "1700000000000001000");
  EXPECT_EQ(span.GetString("endTimeUnixNano"), "1700000000002001000");
  EXPECT_EQ(json::Dump(*span.Find("status")), R"({"code":2,"message":"RuntimeError"})");
  EXPECT_NE(metrics.Text().find("asya_spans_exported_total 1"), std::string::npos);
}

TEST(SpanExporter, ACollectorThatIsAwayCostsTheSpansOnly) {
  observe::Metrics metrics;
  SpanQueue queue(metrics, "asya");
  SpanExporter exporter({"http://127.0.0.1:1", {}}, queue, observe::Logger::Silent());
  exporter.Start();
  queue.Add(MakeSpan("s"));
  exporter.Stop();
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_NE(metrics.Text().find("asya_spans_dropped_total 1"), std::string::npos);
}

}  // namespace
}  // namespace asya::otlp
