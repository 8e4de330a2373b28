// Feeds arbitrary bytes to the envelope and frame parsers; what parses must print to bytes that parse to the same
// again, and what does not must become a dead letter that does.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/envelope.h"
#include "relay/forward.h"

namespace {

void CheckLetter(std::string_view text, const asya::Error& error) {
  asya::relay::Place place;
  place.namespace_ = "ns";
  place.actor = "infer";
  place.sump = "x-sump";
  constexpr std::size_t kLimits[] = {0, 2048};  // of the queue; 0: not known
  for (const std::size_t limit : kLimits) {
    const auto letter = asya::relay::RawLetter(text, error.field + ": " + error.message, limit, place);
    const auto read = asya::model::ParseEnvelope(letter.message.body);
    if (!read.ok() || read->id != letter.envelope.id || read->payload != letter.envelope.payload) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto envelope = asya::model::ParseEnvelope(text);
  if (envelope.ok()) {
    const std::string printed = asya::model::SerializeEnvelope(*envelope);
    const auto again = asya::model::ParseEnvelope(printed);
    if (!again.ok() || again->payload != envelope->payload || again->id != envelope->id) std::abort();
    if (!(again->route == envelope->route) || asya::model::SerializeEnvelope(*again) != printed) std::abort();
  } else {
    CheckLetter(text, envelope.error());
  }
  (void)asya::model::ParseFrame(text);
  return 0;
}
