#include "relay/start.h"

#include <cstdio>
#include <string>
#include <vector>

#include "relay/claim_settings.h"
#include "relay/claim_stores.h"
#include "relay/environment.h"
#include "relay/service.h"

namespace asya::relay {
namespace {

observe::Level LevelOf(const std::string& name) {
  if (name == "DEBUG") return observe::Level::kDebug;
  if (name == "WARNING") return observe::Level::kWarning;
  return name == "ERROR" ? observe::Level::kError : observe::Level::kInfo;
}

int Run(const Settings& settings, const RelayLimits& limits, ports::MessageQueue& queue, observe::Metrics& metrics,
        const Clock& clock, const observe::Logger& logger, void (*on_rest)()) {
  Service service(settings, limits, queue, metrics, clock, logger);
  if (on_rest != nullptr) service.OnRest(on_rest);
  service.HandleSignals();
  if (const Status opened = service.Open(); !opened.ok()) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    return kExitFailure;
  }
  logger.Info("relay started", {{"actor", settings.actor},
                                {"namespace", settings.namespace_},
                                {"transport", settings.transport},
                                {"concurrency", settings.concurrency}});
  if (!settings.tracing_problem.empty()) logger.Warning("no spans are sent", {{"reason", settings.tracing_problem}});
  service.Run();
  logger.Info("relay ended");
  return 0;
}

}  // namespace

std::optional<Settings> SettingsOrReport() {
  std::vector<std::string> problems;
  Settings settings = ReadEnvironment(ProcessEnvironment(), problems);
  static_cast<void>(ReadClaimSettings(ProcessEnvironment(), problems));
  if (problems.empty()) return settings;
  for (const std::string& problem : problems) std::fprintf(stderr, "%s\n", problem.c_str());
  return std::nullopt;
}

observe::Logger LoggerOf(const Settings& settings) {
  return observe::Logger::ToStderr("relay", LevelOf(settings.log_level));
}

bool WantsS3Claims() {
  std::vector<std::string> problems;  // reported with the settings
  return ReadClaimSettings(ProcessEnvironment(), problems).store.is_s3();
}

int RunUntilDrained(const Settings& settings, ports::MessageQueue& queue, observe::Metrics& metrics, const Clock& clock,
                    void (*on_rest)()) {
  const auto logger = LoggerOf(settings);
  std::vector<std::string> problems;  // reported with the settings
  const ClaimSettings claims = ReadClaimSettings(ProcessEnvironment(), problems);
  RelayLimits limits;
  if (claims.store.none()) return Run(settings, limits, queue, metrics, clock, logger, on_rest);
  const auto store = OpenClaimStore(claims.store, metrics, settings.metrics_namespace);
  if (!store.ok()) {
    std::fprintf(stderr, "%s: %s\n", store.error().field.c_str(), store.error().message.c_str());
    return kExitUsage;
  }
  const bool is_sump = settings.is_end_actor && settings.actor == settings.sump;
  ClaimedQueue claimed({queue, **store, metrics, settings.metrics_namespace, logger, is_sump}, claims.limits);
  limits.has_claim_store = true;
  return Run(settings, limits, claimed, metrics, clock, logger, on_rest);
}

}  // namespace asya::relay
