#include "server/options.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <map>

#include "core/base/sha256.h"

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

using Setter = std::function<Status(const std::string&)>;

Status SetPort(const std::string& text, std::uint16_t& port) {
  const bool digits = !text.empty() && text.size() <= 5 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const int value = digits ? std::stoi(text) : -1;
  if (value < 0 || value > 65535) {
    return Invalid("--port", "got \"" + text + "\"; 0 (a free port) to 65535 is accepted");
  }
  port = static_cast<std::uint16_t>(value);
  return Ok();
}

Status SetLevel(const std::string& text, observe::Level& level) {
  const std::map<std::string, observe::Level> kLevels = {{"DEBUG", observe::Level::kDebug},
                                                         {"INFO", observe::Level::kInfo},
                                                         {"WARNING", observe::Level::kWarning},
                                                         {"ERROR", observe::Level::kError}};
  const auto found = kLevels.find(text);
  if (found == kLevels.end()) {
    return Invalid("--log-level", "got \"" + text + "\"; DEBUG, INFO, WARNING or ERROR is accepted");
  }
  level = found->second;
  return Ok();
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
  const auto text = [](std::string& place) {
    return [&place](const std::string& value) {
      place = value;
      return Ok();
    };
  };
  const std::map<std::string, Setter> setters = {
      {"--project", text(options.project)},
      {"--state", text(options.state)},
      {"--run-dir", text(options.run_dir)},
      {"--relay", text(options.relay_program)},
      {"--runtime", text(options.runtime_archive)},
      {"--crew", text(options.crew_dir)},
      {"--python", text(options.python)},
      {"--port", [&](const std::string& value) { return SetPort(value, options.port); }},
      {"--log-level", [&](const std::string& value) { return SetLevel(value, options.log_level); }},
  };
  std::vector<Error> errors;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto setter = setters.find(arguments[i]);
    if (setter == setters.end()) {
      std::string known;
      for (const auto& [name, unused] : setters) known += (known.empty() ? "" : ", ") + name;
      errors.push_back(Invalid(arguments[i], "unknown option; " + known + " are accepted"));
      continue;
    }
    if (i + 1 == arguments.size()) {
      errors.push_back(Invalid(arguments[i], "needs a value"));
      continue;
    }
    if (const Status set = setter->second(arguments[++i]); !set.ok()) errors.push_back(set.error());
  }
  FillDefaults(environment, options);
  Check(options, errors);
  return errors;
}

}  // namespace asya::server
