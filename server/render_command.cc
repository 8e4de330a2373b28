#include "server/render_command.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "server/render_aggregation.h"
#include "server/render_crds.h"
#include "server/render_text.h"

namespace asya::server {
namespace {

constexpr int kExitUsage = 64;  // EX_USAGE of sysexits.h
constexpr int kExitFailed = 1;

int Refuse(const std::string& message, int exit_code) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return exit_code;
}

int RenderApiService(const std::vector<std::string>& arguments) {
  AggregationSettings settings;
  const std::vector<Error> errors = ParseAggregationFlags(arguments, settings);
  for (const Error& error : errors) std::fprintf(stderr, "%s: %s\n", error.field.c_str(), error.message.c_str());
  if (!errors.empty()) return kExitUsage;
  std::printf("%s", RenderAggregation(settings).c_str());
  return 0;
}

}  // namespace

int Render(const std::vector<std::string>& arguments) {
  if (arguments.size() == 1 && arguments[0] == "crds") {
    std::printf("%s", RenderCrds().c_str());
    return 0;
  }
  if (!arguments.empty() && arguments[0] == "apiservice")
    return RenderApiService({arguments.begin() + 1, arguments.end()});
  if (arguments.size() != 2 || arguments[0] != "-f")
    return Refuse(
        "usage: asya-server render -f FILE\n       asya-server render crds\n       asya-server render "
        "apiservice [--ca-file FILE] [--namespace NAME] …",
        kExitUsage);
  std::error_code unknown;  // what is not there is told below
  if (std::filesystem::is_directory(arguments[1], unknown)) {
    return Refuse(arguments[1] + ": is a folder; a file is accepted", kExitUsage);
  }
  std::ifstream file(arguments[1]);
  if (!file) return Refuse(arguments[1] + ": cannot be read", kExitUsage);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  compositions::Settings settings;
  settings.serves_state = true;  // shows what it becomes one day; a server makes nothing of it so far
  const auto rendered = RenderText(text, settings);
  if (!rendered.ok()) return Refuse(arguments[1] + ": " + rendered.error().message, kExitFailed);
  std::printf("%s", rendered->c_str());
  return 0;
}

}  // namespace asya::server
