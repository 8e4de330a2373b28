// Feeds arbitrary bytes to the readers of Pub/Sub's answers and of our reports; the first byte chooses which.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "transports/pubsub/grpc.h"
#include "transports/pubsub/marks.h"
#include "transports/pubsub/messages.h"
#include "transports/pubsub/report.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace pubsub = asya::transports::pubsub;
  constexpr unsigned kReaders = 5;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % kReaders) {
    case 0: {
      const auto received = pubsub::DecodePull(bytes);
      if (!received.ok()) return 0;
      for (const auto& one : *received) {
        const auto marks = pubsub::MarksOf(one, asya::WallTime{});
        if (marks.crashes < 0) __builtin_trap();
      }
      return 0;
    }
    case 1:
      static_cast<void>(pubsub::DecodeSubscription(bytes));
      return 0;
    case 2: {
      std::vector<pubsub::Subscription> found;
      static_cast<void>(pubsub::DecodeList(bytes, found));
      return 0;
    }
    case 3: {
      // What was read once is read the same again.
      const auto report = pubsub::DecodeReport(bytes);
      if (report.ok() && !pubsub::DecodeReport(pubsub::EncodeReport(*report)).ok()) __builtin_trap();
      return 0;
    }
    default:
      static_cast<void>(pubsub::grpc::Outcome(200, 0, "", bytes));
      static_cast<void>(pubsub::grpc::Decoded(bytes));
      return 0;
  }
}
