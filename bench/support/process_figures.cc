#include "bench/support/process_figures.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace asya::bench {
namespace {

double StatusMib(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::stod(line.substr(name.size())) / 1024;
  }
  return 0;
}

}  // namespace

double ResidentMib(pid_t pid) { return StatusMib(pid, "VmRSS:"); }

double ResidentPeakMib(pid_t pid) { return StatusMib(pid, "VmHWM:"); }

std::int64_t ProcessorTicks(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(stat)), std::istreambuf_iterator<char>());
  // The name may hold anything; behind its closing parenthesis come the state and ten numbers, then the two.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  constexpr int kSkipped = 11;
  std::string word;
  for (int i = 0; i < kSkipped; ++i) fields >> word;
  std::int64_t user = 0;
  std::int64_t system = 0;
  fields >> user >> system;
  return user + system;
}

double SecondsOf(std::int64_t ticks) { return static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK)); }

double ProcessorSeconds(pid_t pid) {
  double total_ns = 0;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", error)) {
    double running_ns = 0;
    std::ifstream(task.path() / "schedstat") >> running_ns;
    total_ns += running_ns;
  }
  return total_ns / 1e9;
}

}  // namespace asya::bench
