// What hops.py counts the instructions and system calls of: bench_hops PLACE WAY HOPS [COMMAND...] lets so many
// envelopes of 1 KiB pass through one relay, or a raw client in its place, which runs under the command.
//   PLACE  rabbitmq or postgres; the server is that of ASYA_TEST_RABBITMQ (quorum queues) or ASYA_TEST_POSTGRES
//   WAY    relay, or a way of bench_raw_rabbitmq
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/relay/stage.h"

namespace asya::bench {
namespace {

// What a relay of concurrency 16 with a quick handler may hold: four times its concurrency.
constexpr const char* kPrefetch = "64";

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Status Pass(const Programs& programs, const std::string& place, const std::string& way, int hops) {
  const OpenBackend open = place == "postgres" ? OnPostgres(Variable("ASYA_TEST_POSTGRES"))
                                               : OnRabbitmq(Variable("ASYA_TEST_RABBITMQ"), QueueKind::kQuorum);
  ASYA_TRY(const auto stage, Stage::Open(programs, open));
  ASYA_TRY_STATUS(stage->Publish(hops));
  if (way == "relay") {
    stage->StartRelay();
  } else {
    stage->StartRaw(way, way == "calling" ? stage->folder() : kPrefetch);
  }
  ASYA_TRY(const SteadyTime passed, stage->UntilPassed(hops));
  static_cast<void>(passed);
  return Ok();
}

int Main(const std::vector<std::string>& words) {
  if (words.size() < 3) {
    std::fprintf(stderr, "usage: bench_hops rabbitmq|postgres relay|pipelined|calling HOPS [COMMAND...]\n");
    return 2;
  }
  Programs programs;
  programs.folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  programs.under = {words.begin() + 3, words.end()};
  const Status passed = Pass(programs, words[0], words[1], std::stoi(words[2]));
  if (!passed.ok()) std::fprintf(stderr, "%s\n", passed.error().message.c_str());
  return passed.ok() ? 0 : 1;
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) { return asya::bench::Main({words + 1, words + count}); }
