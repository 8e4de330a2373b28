#include "cluster/local/pod_folder.h"

#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

namespace asya::cluster::local {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecordName = "/processes";
constexpr const char* kServer = "server";
constexpr std::size_t kPodIdLimit_bytes = 16;

std::string BootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

struct ProcessRecord {
  std::string boot;
  std::map<std::string, ProcessMark> processes;
};

ProcessRecord ReadRecord(const std::string& folder) {
  ProcessRecord record;
  std::ifstream file(folder + kRecordName);
  std::getline(file, record.boot);
  std::string name;
  ProcessMark mark;
  while (file >> name >> mark.pid >> mark.start_time) record.processes[name] = mark;
  return record;
}

bool IsRunning(const ProcessMark& mark) { return mark.pid > 1 && MarkOf(mark.pid) == mark; }

void EndLeftovers(const ProcessRecord& record) {
  for (const auto& [name, mark] : record.processes) {
    if (name != kServer && IsRunning(mark) && ::getpgid(mark.pid) == mark.pid) ::kill(-mark.pid, SIGKILL);
  }
}

}  // namespace

Status CheckRunDir(const std::string& run_dir) {
  const std::size_t longest = sizeof(sockaddr_un::sun_path) - 1 - kSocketNameLimit_bytes - kPodIdLimit_bytes;
  if (run_dir.size() <= longest) return Ok();
  return Invalid("run folder", "its path may have " + std::to_string(longest) + " bytes, because sockets lie in it; " +
                                   run_dir + " has " + std::to_string(run_dir.size()));
}

Result<PodFolder> PodFolder::Create(const std::string& run_dir, const std::string& id) {
  const std::string path = run_dir + "/" + id;
  std::error_code error;
  fs::create_directories(run_dir, error);
  if (!fs::create_directory(path, error)) {
    return Fail(ErrorCode::kUnavailable, "cannot make the folder " + path + ": " + error.message());
  }
  fs::permissions(path, fs::perms::owner_all, error);
  PodFolder folder(path);
  if (const auto self = MarkOf(::getpid())) folder.Record(kServer, *self);
  return folder;
}

PodFolder::PodFolder(PodFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), processes_(std::move(other.processes_)) {}

PodFolder::~PodFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void PodFolder::Record(const std::string& container, const ProcessMark& mark) {
  processes_[container] = mark;
  std::ostringstream text;
  text << BootId() << '\n';
  for (const auto& [name, process] : processes_)
    text << name << ' ' << process.pid << ' ' << process.start_time << '\n';
  // Written whole and put in place at once: a crash in between leaves the earlier record.
  const std::string record = path_ + kRecordName;
  std::ofstream(record + ".new", std::ios::trunc) << text.str();
  std::error_code ignored;
  fs::rename(record + ".new", record, ignored);
}

std::size_t RemoveStalePods(const std::string& run_dir) {
  std::error_code error;
  std::vector<std::string> stale;
  for (const auto& entry : fs::directory_iterator(run_dir, error)) {
    const std::string folder = entry.path();
    if (!entry.is_directory(error) || !fs::exists(folder + kRecordName, error)) continue;
    const ProcessRecord record = ReadRecord(folder);
    const bool this_boot = record.boot == BootId();
    const auto server = record.processes.find(kServer);
    if (this_boot && server != record.processes.end() && IsRunning(server->second)) continue;
    if (this_boot) EndLeftovers(record);
    stale.push_back(folder);
  }
  for (const auto& folder : stale) fs::remove_all(folder, error);
  return stale.size();
}

}  // namespace asya::cluster::local
