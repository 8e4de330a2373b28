// Feeds arbitrary bytes to the reader of AMQP frames, methods and contents, in pieces that the first byte chooses, and
// contents to that of what relays tell each other.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "transports/rabbitmq/frames.h"
#include "transports/rabbitmq/pardons.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using asya::transports::rabbitmq::Arrival;
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  asya::transports::rabbitmq::Assembler assembler;
  std::string in;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    in += bytes.substr(at, piece);
    std::string_view rest = in;
    for (;;) {
      const auto frame = asya::transports::rabbitmq::TakeFrame(rest, asya::transports::rabbitmq::kFrameBytesMax);
      if (!frame.ok()) return 0;
      if (!*frame) break;
      const auto taken = assembler.Take(**frame, [](const Arrival& arrival) {
        const auto notice = asya::transports::rabbitmq::ReadNotice(arrival.body);
        if (notice.ok() && asya::transports::rabbitmq::WriteNotice(*notice) != arrival.body) std::abort();
      });
      if (!taken.ok()) return 0;
    }
    in.erase(0, in.size() - rest.size());
  }
  return 0;
}
