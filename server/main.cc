// asya-server: the control plane in one program; its first argument says what to do.
#ifdef ASYA_MIMALLOC
#include <mimalloc.h>
#endif
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/observe/log.h"
#include "server/api_options.h"
#include "server/bump_revision.h"
#include "server/direct_server.h"
#include "server/local_server.h"
#include "server/options.h"
#include "server/render_command.h"

namespace {

constexpr int kExitUsage = 64;  // EX_USAGE of sysexits.h
constexpr int kExitFailed = 1;

constexpr const char* kUsage =
    "usage: asya-server local --project FOLDER [--state FOLDER] [--port N] …   everything for one project on this "
    "machine;\n"
    "       in PostgreSQL where ASYA_DATABASE_URL is set\n"
    "       asya-server api --listen ADDRESS:PORT --tls-cert-file FILE --tls-private-key-file FILE …\n"
    "       the Kubernetes API for a team, on TLS; in PostgreSQL (ASYA_DATABASE_URL) or --database-file FILE;\n"
    "       with --aggregated KUBECONFIG|in-cluster behind the kube-apiserver of a cluster, and with\n"
    "       --controllers all --runtime FILE also running the actors there\n"
    "       asya-server bump-revision [--database-file FILE]                  after a backup was brought back\n"
    "       asya-server render -f FILE                                        print what a manifest becomes\n"
    "       asya-server render crds                                           print the kinds as "
    "CustomResourceDefinitions\n"
    "       asya-server render apiservice …                                   print what a cluster needs to take it as "
    "an API\n"
    "       asya-server version\n";

std::string ReadEnvironmentVariable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string FolderOf(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

asya::server::Environment ReadEnvironment() {
  char program[4096];
  const ssize_t size = ::readlink("/proc/self/exe", program, sizeof program);
  asya::server::Environment environment;
  environment.program_dir = size > 0 ? FolderOf(std::string(program, static_cast<std::size_t>(size))) : ".";
  environment.otlp_endpoint = ReadEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT");
  environment.otlp_protocol = ReadEnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL");
  environment.xdg_runtime_dir = ReadEnvironmentVariable("XDG_RUNTIME_DIR");
  for (const char* name : {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "OTEL_EXPORTER_OTLP_ENDPOINT",
                           "OTEL_EXPORTER_OTLP_PROTOCOL"}) {
    const std::string value = ReadEnvironmentVariable(name);
    if (!value.empty()) environment.passed_on[name] = value;
  }
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (const auto equals = text.find('='); equals != std::string::npos) {
      environment.own[text.substr(0, equals)] = text.substr(equals + 1);
    }
  }
  return environment;
}

// Signals are taken by sigwait in main alone; every thread started later inherits the mask.
sigset_t BlockSignals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a write beyond a limit of file sizes fails, as on a full disk
  return signals;
}

// What a burst needed is given back with the next work of the same thread: on a laptop it would be most of a server at
// rest. At once would be an eighth of its processor time, since the next batch of the same burst needs it again.
void KeepHeapSmall() {
#ifdef ASYA_MIMALLOC
  constexpr long kKeptMs = 4;
  ::mi_option_set(mi_option_decommit_delay, kKeptMs);
#endif
}

// Whether there was none.
bool TellMistakes(const std::vector<asya::Error>& errors) {
  for (const asya::Error& error : errors) {
    std::fprintf(stderr, "%s: %s\n", error.field.c_str(), error.message.c_str());
  }
  return errors.empty();
}

// Runs what `start` starts until a signal asks it to end.
template <class Start>
int Serve(asya::observe::Level level, const Start& start) {
  const sigset_t signals = BlockSignals();
  const auto logger = asya::observe::Logger::ToStderr("server", level);
  auto server = start(logger);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return kExitFailed;
  }
  int signal = 0;
  ::sigwait(&signals, &signal);
  logger.Info("stopping", {{"signal", signal}});
  (*server)->Stop();
  return 0;
}

int RunLocal(const std::vector<std::string>& arguments) {
  asya::server::LocalOptions options;
  const auto environment = ReadEnvironment();
  if (!TellMistakes(asya::server::ParseLocalOptions(arguments, environment, options))) return kExitUsage;
  KeepHeapSmall();
  return Serve(options.log_level, [&](const asya::observe::Logger& logger) {
    return asya::server::LocalServer::Start(options, environment, logger);
  });
}

int RunApi(const std::vector<std::string>& arguments) {
  asya::server::ApiOptions options;
  asya::server::ApiFiles files;
  if (!TellMistakes(asya::server::ParseApiOptions(arguments, ReadEnvironment(), options, files))) return kExitUsage;
  return Serve(options.log_level, [&](const asya::observe::Logger& logger) {
    return asya::server::DirectServer::Start(options, std::move(files), logger);
  });
}

int RunBump(const std::vector<std::string>& arguments) {
  asya::server::BumpOptions options;
  if (!TellMistakes(asya::server::ParseBumpOptions(arguments, ReadEnvironment(), options))) return kExitUsage;
  const auto revision = asya::server::BumpRevision(options);
  if (!revision.ok()) {
    std::fprintf(stderr, "%s\n", revision.error().message.c_str());
    return kExitFailed;
  }
  std::printf("the store goes on from revision %lld; now start the servers\n", static_cast<long long>(revision->get()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const std::string command = arguments.empty() ? "" : arguments.front();
  const std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end());
  if (command == "local") return RunLocal(rest);
  if (command == "api") return RunApi(rest);
  if (command == "bump-revision") return RunBump(rest);
  if (command == "render") return asya::server::Render(rest);
  if (command == "version") {
    std::printf("%s\n", asya::server::kServerVersion);
    return 0;
  }
  std::fprintf(stderr, "%s", kUsage);
  return kExitUsage;
}
