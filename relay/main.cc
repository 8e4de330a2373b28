// asya-relay: the composition root of the relay on the SQLite transport; hands over to the program of another
// transport.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>

#include "relay/claim_stores.h"
#include "relay/environment.h"
#include "relay/heap.h"
#include "relay/start.h"
#include "transports/sqlite/client.h"

namespace {

// A library that a relay does not use is not mapped: each transport with one of its own is a program of its own, and so
// is each with a claim store in S3, but for those that map libcurl anyway.
std::string ProgramFor(const std::string& transport) {
  const bool has_curl = transport == "sqs" || transport == "pubsub";
  return "asya-relay-" + transport + (asya::relay::WantsS3Claims() && !has_curl ? "-s3" : "");
}

int HandOver(const asya::relay::Settings& settings, char** arguments) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = (self.parent_path() / ProgramFor(settings.transport)).string();
  ::execv(program.c_str(), arguments);
  std::fprintf(stderr, "ASYA_TRANSPORT=%s needs the program %s: %s\n", settings.transport.c_str(), program.c_str(),
               std::strerror(errno));
  return asya::relay::kExitUsage;
}

}  // namespace

int main(int, char** arguments) {
  asya::relay::KeepHeapSmall();
  const asya::Clock& clock = asya::RealClock();
  const auto settings = asya::relay::SettingsOrReport();
  if (!settings) return asya::relay::kExitUsage;
  const bool is_ours =
      settings->transport == "sqlite" && (asya::relay::ServesS3Claims() || !asya::relay::WantsS3Claims());
  if (!is_ours) return HandOver(*settings, arguments);
  asya::Random random(asya::SystemSeed());
  asya::transports::sqlite::ClientSettings client;
  client.socket_path = settings->sqlite_path;
  client.queue = asya::model::QueueName(settings->namespace_, settings->actor);
  asya::transports::sqlite::Client queue(client, clock, random);
  asya::observe::Metrics metrics;
  return asya::relay::RunUntilDrained(*settings, queue, metrics, clock);
}
