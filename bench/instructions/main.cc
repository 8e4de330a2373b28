// What run.py counts the instructions of: bench_instructions WORK COUNT does one piece of the data path so many times.
#include <charconv>
#include <cstdio>
#include <functional>
#include <map>
#include <string>

#include "model/envelope.h"
#include "transports/rabbitmq/frames.h"

namespace asya::bench {
namespace {

constexpr std::size_t kPayloadBytes = 1024;

model::Envelope SomeEnvelope() {
  model::Envelope envelope;
  envelope.id = "6f1c2d3e-0000-4000-8000-100000000000";
  envelope.route = {{"first"}, "second", {"third"}};
  envelope.headers = {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}};
  envelope.status.phase = "pending";
  envelope.status.created_at = "2026-11-18T12:00:00Z";
  envelope.payload = "{\"text\":\"" + std::string(kPayloadBytes - 11, 'x') + "\"}";
  return envelope;
}

// Adds up what was made, so that nothing is left out by the compiler.
using Work = std::function<std::size_t()>;

Work SplitEnvelope() {
  return [text = SerializeEnvelope(SomeEnvelope())] { return model::ParseEnvelope(text).value().payload.size(); };
}

Work BuildEnvelope() {
  return [envelope = SomeEnvelope()] { return SerializeEnvelope(envelope).size(); };
}

Work BuildFrames() {
  return [body = SerializeEnvelope(SomeEnvelope())] {
    transports::rabbitmq::Properties properties;
    properties.headers.visible_at_us = 1'763'000'000'000'000;
    properties.content_type = "application/json";
    properties.correlation_id = "1234567";
    properties.message_id = "6f1c2d3e-0000-4000-8000-100000000000:1:second";
    properties.timestamp_s = 1'763'000'000;
    std::string out;
    transports::rabbitmq::AppendMethod(out, 1, transports::rabbitmq::Publish("", "asya-default-third"));
    transports::rabbitmq::AppendContent(out, 1, properties, body, transports::rabbitmq::kFrameBytesMax);
    return out.size();
  };
}

int Main(const std::string& name, const std::string& times) {
  int count = 0;
  const std::errc error = std::from_chars(times.data(), times.data() + times.size(), count).ec;
  const std::map<std::string, Work> works = {
      {"envelope-split", SplitEnvelope()}, {"envelope-build", BuildEnvelope()}, {"frame-build", BuildFrames()}};
  const auto work = works.find(name);
  if (work == works.end() || error != std::errc()) return 2;
  std::size_t sum = 0;
  for (int i = 0; i < count; ++i) sum += work->second();
  std::printf("%zu\n", sum);
  return 0;
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) {
  if (count == 3) return asya::bench::Main(words[1], words[2]);
  std::fprintf(stderr, "usage: bench_instructions envelope-split|envelope-build|frame-build COUNT\n");
  return 2;
}
