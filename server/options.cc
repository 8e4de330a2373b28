#include "server/options.h"

#include <sys/stat.h>

#include "core/base/sha256.h"
#include "server/flags.h"

namespace asya::server {
namespace {

// sockaddr_un holds 108 bytes; pods and sockets below the run folder need about 50 of them.
constexpr std::size_t kRunDirLimitBytes = 56;

bool IsFolder(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool IsFile(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

void FillDefaults(const Environment& environment, LocalOptions& options) {
  if (options.state.empty()) options.state = options.project + "/.asya/local";
  if (options.run_dir.empty()) {
    const std::string base = environment.xdg_runtime_dir.empty() || environment.xdg_runtime_dir.size() > 32
                                 ? "/tmp"
                                 : environment.xdg_runtime_dir;
    options.run_dir = base + "/asya-" + Sha256Hex(options.state).substr(0, 10);
  }
  if (options.relay_program.empty()) options.relay_program = environment.program_dir + "/asya-relay";
}

void Check(const LocalOptions& options, std::vector<Error>& errors) {
  if (options.project.empty() || options.project.front() != '/' || !IsFolder(options.project)) {
    errors.push_back(
        Invalid("--project", "got \"" + options.project + "\"; the absolute path of a folder is accepted"));
  }
  if (!IsFile(options.relay_program)) {
    errors.push_back(Invalid("--relay", "no program at \"" + options.relay_program + "\""));
  }
  if (!IsFile(options.runtime_archive)) {
    errors.push_back(
        Invalid("--runtime", "no file at \"" + options.runtime_archive + "\"; asya_runtime.pyz is accepted"));
  }
  if (!IsFolder(options.crew_dir)) {
    errors.push_back(
        Invalid("--crew", "no folder at \"" + options.crew_dir + "\"; the folder that holds asya_crew is accepted"));
  }
  if (options.run_dir.size() > kRunDirLimitBytes) {
    errors.push_back(Invalid("--run-dir", "got " + std::to_string(options.run_dir.size()) + " bytes; at most " +
                                              std::to_string(kRunDirLimitBytes) +
                                              " are accepted, since socket paths below it are limited to 108"));
  }
}

}  // namespace

std::vector<Error> ParseLocalOptions(const std::vector<std::string>& arguments, const Environment& environment,
                                     LocalOptions& options) {
  std::vector<Error> errors = ParseFlags(arguments, {
                                                        {"--project", TextFlag(options.project)},
                                                        {"--state", TextFlag(options.state)},
                                                        {"--run-dir", TextFlag(options.run_dir)},
                                                        {"--relay", TextFlag(options.relay_program)},
                                                        {"--runtime", TextFlag(options.runtime_archive)},
                                                        {"--crew", TextFlag(options.crew_dir)},
                                                        {"--python", TextFlag(options.python)},
                                                        {"--project-python", TextFlag(options.project_python)},
                                                        {"--port",
                                                         [&](const std::string& value) -> Status {
                                                           ASYA_TRY(options.port, ParsePort("--port", value));
                                                           return Ok();
                                                         }},
                                                        {"--log-level", LevelFlag(options.log_level)},
                                                    });
  FillDefaults(environment, options);
  Check(options, errors);
  return errors;
}

}  // namespace asya::server
