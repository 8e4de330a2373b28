#include "relay/rest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace asya::relay {
namespace {

TEST(Rest, IsToldOnceAfterTheLastWorkWhateverElseComes) {
  Reactor reactor;
  Rest rest(reactor);
  Timer more(reactor);
  Timer other(reactor);
  std::vector<std::string> seen;
  rest.OnRest([&] {
    seen.emplace_back("rest");
    if (seen.size() > 3) return reactor.Stop();
    // Such as a heartbeat.
    other.After(Rest::kPause, [&] { reactor.Post([&] { seen.emplace_back("other"); }); });
    more.After(3 * Rest::kPause, [&] {
      seen.emplace_back("work");
      rest.Worked();
    });
  });
  rest.Worked();
  more.After(Rest::kPause / 2, [&] { rest.Worked(); });
  const auto began = std::chrono::steady_clock::now();
  reactor.Run();
  EXPECT_EQ(seen, (std::vector<std::string>{"rest", "other", "work", "rest"}));
  // The second work of the first time was in time to put off the rest.
  EXPECT_GE(std::chrono::steady_clock::now() - began, 6 * Rest::kPause);
}

}  // namespace
}  // namespace asya::relay
