// Feeds arbitrary bytes to the envelope and frame parsers; what parses must print to bytes that parse to the same
// again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/envelope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto envelope = asya::model::ParseEnvelope(text); envelope.ok()) {
    const std::string printed = asya::model::SerializeEnvelope(*envelope);
    const auto again = asya::model::ParseEnvelope(printed);
    if (!again.ok() || again->payload != envelope->payload || again->id != envelope->id) std::abort();
    if (!(again->route == envelope->route) || asya::model::SerializeEnvelope(*again) != printed) std::abort();
  }
  (void)asya::model::ParseFrame(text);
  return 0;
}
