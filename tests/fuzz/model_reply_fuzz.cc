// Feeds arbitrary bytes to the reader of a model server's replies, in pieces and for the protocol that the first two
// bytes choose.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/json/split.h"
#include "relay/model_reply.h"

namespace {

using asya::relay::Endpoint;

class Listener final : public asya::relay::CallListener {
 public:
  // What goes on as JSON has to be JSON.
  void OnFly(std::string_view data) override {
    if (!asya::json::Split(data).ok()) std::abort();
  }
  void OnMetric(std::string_view) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  Endpoint endpoint;
  endpoint.protocol = static_cast<Endpoint::Protocol>(data[1] % 3);
  endpoint.output = *asya::json::Pointer::Parse("/a/b");
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  asya::relay::ReplyLimits limits;
  limits.body_bytes = 1U << 20U;
  Listener listener;
  asya::relay::ModelReply reply(endpoint, R"({"kept":1})", {}, listener, limits, asya::WallTime{});
  bool failed = false;
  for (std::size_t at = 0; at < bytes.size() && !failed; at += piece) {
    failed = !reply.Feed(bytes.substr(at, piece)).ok();
  }
  if (!failed) (void)reply.End();
  for (const auto& frame : reply.answer().frames) {
    if (!asya::json::Split(frame.payload).ok()) std::abort();
  }
  return 0;
}
