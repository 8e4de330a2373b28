#include <atomic>
#include <chrono>

#include "bench/transports/echo.h"
#include "bench/transports/measure.h"
#include "core/base/random.h"
#include "core/sql/sqlite/database.h"
#include "transports/sqlite/broker.h"
#include "transports/sqlite/client.h"

namespace asya::bench {
Result<Hops> TransportHops(const std::string& folder, std::size_t credits) {
  ASYA_TRY(const auto database,
           sql::sqlite::Database::Open({.path = folder + "/transport.db"}, transports::sqlite::Migrations()));
  std::atomic<int> commits{0};
  database->OnCommit([&] { ++commits; });
  const std::string socket = folder + "/transport.sock";
  transports::sqlite::Broker broker(*database, {.socket_path = socket}, RealClock());
  ASYA_TRY_STATUS(broker.Start());
  for (const char* name : {"asya-bench-in", "asya-bench-next"}) {
    ASYA_TRY_STATUS(broker.Admin().Remove(name, true));
    ASYA_TRY_STATUS(broker.Admin().Ensure({name, "bench"}));
  }
  const std::vector<ports::Outgoing> messages(kHops, {"asya-bench-in", std::string(kBodyBytes, 'x'), "id"});
  ASYA_TRY_STATUS(broker.Publisher().Publish(messages, kPatience));
  Random random(1);
  transports::sqlite::Client client({.socket_path = socket, .queue = "asya-bench-in"}, RealClock(), random);
  Echo echo(client, credits);
  commits = 0;
  const auto began = std::chrono::steady_clock::now();
  client.Start(echo);
  const bool finished = echo.WaitAll();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  client.Stop(std::chrono::seconds(1));
  if (!finished) return Fail(ErrorCode::kTimeout, "the hops did not finish");
  return Hops{kHops / took.count(), double{kHops} / commits};
}

}  // namespace asya::bench
