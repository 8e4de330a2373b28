// Feeds arbitrary bytes to the reader of the runtime's replies, in pieces that the first byte chooses.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/json/split.h"
#include "relay/invocation_reply.h"

namespace {

class Deaf final : public asya::relay::InvocationReply::Listener {
 public:
  // What goes on as JSON has to be JSON.
  void OnFly(std::string_view data) override {
    asya::json::SplitOptions deep;
    deep.depth_limit += 2;
    const auto items = asya::json::SplitArray("[" + std::string(data) + "]", deep);
    if (!items.ok() || items->size() != 1) std::abort();
  }
  void OnMetric(std::string_view) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  asya::relay::ReplyLimits limits;
  limits.frames = 100;
  limits.body_bytes = 1U << 20U;
  Deaf deaf;
  asya::relay::InvocationReply reply(deaf, limits);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    if (!reply.Feed(bytes.substr(at, piece)).ok()) return 0;
  }
  (void)reply.End();
  return 0;
}
