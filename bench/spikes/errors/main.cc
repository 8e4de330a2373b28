// What does an expected failure cost as a value and as an exception? Nanoseconds a call, five calls deep.
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "core/base/result.h"

namespace {

constexpr int kDepth = 5;
constexpr int kCalls = 300'000;

using Clock = std::chrono::steady_clock;

asya::Error NotFound() { return asya::Error{asya::ErrorCode::kNotFound, "asyncactors \"infer\" not found", ""}; }

[[gnu::noinline]] asya::Result<int> ByValue(int depth, bool fail) {
  if (depth == 0) {
    if (fail) return NotFound();
    return 1;
  }
  auto below = ByValue(depth - 1, fail);
  if (!below) return below.error();
  return below.value() + 1;
}

[[gnu::noinline]] int ByException(int depth, bool fail) {
  if (depth == 0) {
    if (fail) throw std::runtime_error("asyncactors \"infer\" not found");
    return 1;
  }
  return ByException(depth - 1, fail) + 1;
}

template <class F>
double NanosecondsEach(F call) {
  const auto began = Clock::now();
  for (int i = 0; i < kCalls; ++i) call();
  return std::chrono::duration<double, std::nano>(Clock::now() - began).count() / kCalls;
}

}  // namespace

int main() {
  volatile int sink = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    for (const bool fail : {false, true}) {
      const double value = NanosecondsEach([&] { sink = ByValue(kDepth, fail).ok() ? 1 : 0; });
      const double exception = NanosecondsEach([&] {
        try {
          sink = ByException(kDepth, fail);
        } catch (const std::exception&) {
          sink = 0;
        }
      });
      std::printf("%s: value=%.0f ns exception=%.0f ns\n", fail ? "failure" : "success", value, exception);
    }
  }
}
