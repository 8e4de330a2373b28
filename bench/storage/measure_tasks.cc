#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "bench/storage/measure.h"

namespace asya::bench {
namespace {

using ports::TaskReport;
using ports::TaskStatus;

constexpr int kCreators = 16;
constexpr int kItems = 6000;
constexpr int kBatchItems = 50;  // items whose reports come together
constexpr double kItemsPerSecond = 1500;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::string IdOf(int item) { return "4f9d7c52-6a1b-4b7e-9c3d-" + std::to_string(100'000'000'000 + item); }

void Create(ports::TaskStore& tasks, int item) {
  ports::Task task;
  task.id = IdOf(item);
  task.namespace_ = "default";
  task.actor = "first";
  task.payload_json = "\"" + std::string(1000, 'x') + "\"";
  task.headers_json = "{}";
  if (!tasks.Create(task, {"asya-default-first", task.payload_json}, std::nullopt).ok()) std::abort();
}

void Report(ports::TaskStore& tasks, int first, TaskStatus status, double progress, bool with_hop) {
  std::vector<TaskReport> reports;
  for (int item = first; item < first + kBatchItems; ++item) {
    TaskReport report;
    report.task_id = IdOf(item);
    report.status = status;
    report.progress = progress;
    report.current_actor = "actor";
    if (with_hop) report.hop_json = R"({"actor":"actor","attempt":1,"queue_wait_ms":1.2,"work_ms":0.8})";
    if (ports::IsTerminal(status)) report.result_json = "\"" + std::string(1000, 'x') + "\"";
    reports.push_back(std::move(report));
  }
  if (!tasks.Report(reports).ok()) std::abort();
}

}  // namespace

void MeasureTasks(const std::string& name, ports::TaskStore& tasks) {
  const double cpu_before = CpuSeconds();
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> creators;
  for (int creator = 0; creator < kCreators; ++creator) {
    creators.emplace_back([&, creator] {
      for (int item = creator; item < kItems; item += kCreators) Create(tasks, item);
    });
  }
  for (auto& creator : creators) creator.join();
  const double create_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double create_cpu = CpuSeconds() - cpu_before;
  const auto report_start = std::chrono::steady_clock::now();
  for (int first = 0; first < kItems; first += kBatchItems) {
    for (int hop = 0; hop < 3; ++hop) {
      Report(tasks, first, TaskStatus::kRunning, 0.1 + 0.3 * hop, false);
      Report(tasks, first, TaskStatus::kRunning, 0.2 + 0.3 * hop, true);
    }
    Report(tasks, first, TaskStatus::kSucceeded, 1, false);
  }
  const double report_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - report_start).count();
  const double cpu = CpuSeconds() - cpu_before;
  std::printf("%-10s %-28s %12.1f  /s, %.1f us CPU each\n", name.c_str(), "task creates, 16 clients",
              kItems / create_seconds, create_cpu / kItems * 1e6);
  std::printf("%-10s %-28s %12.1f  /s, %.1f us CPU each\n", name.c_str(), "task reports, batches of 50",
              7 * kItems / report_seconds, (cpu - create_cpu) / (7 * kItems) * 1e6);
  std::printf("%-10s %-28s %12.1f  %% of one core for 1 create and 7 reports each\n", name.c_str(), "1,500 items/s",
              cpu / kItems * kItemsPerSecond * 100);
}

}  // namespace asya::bench
