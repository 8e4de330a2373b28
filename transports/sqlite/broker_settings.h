// BrokerSettings: what the SQLite broker can be told.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace asya::observe {
class Metrics;
}  // namespace asya::observe

namespace asya::transports::sqlite {

struct BrokerSettings {
  std::string socket_path;                            // made with mode 0600; its folder must exist
  std::chrono::milliseconds lease{30'000};            // a connection that is silent for longer is closed
  std::size_t message_limit_bytes = 4 * 1024 * 1024;  // of one body
  // A crash count is written this much after its invocation began, unless it has ended by then. While the broker lives
  // the count is exact without being written: the end of a relay leaves it here. Only the death of the broker within
  // this time forgets that the invocation began, and that death was not its doing.
  std::chrono::milliseconds crash_count_delay{10};
  observe::Metrics* metrics = nullptr;  // must outlive the broker; none: nothing is counted
};

}  // namespace asya::transports::sqlite
