// SourceLook: asks the runtime, which reads sources without running any of them, whether handlers could be loaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "cluster/local/child_process.h"
#include "cluster/local/event_loop.h"
#include "cluster/local/pod_plan.h"
#include "cluster/local/settings.h"
#include "ports/cluster.h"

namespace asya::cluster::local {

// A look that takes longer is given up; what it would have found is seen when a replica starts.
inline constexpr std::chrono::seconds kLookTime{30};
// Handlers that one look is asked about; those beyond it are seen when a replica starts.
inline constexpr std::size_t kLookedHandlersLimit = 1000;

// Lives on the loop's thread.
class SourceLook {
 public:
  // `fault` is one line with file and line number, empty where nothing was seen to be wrong.
  using OnAnswer = std::function<void(const ports::ResourceRef& deployment, const std::string& fault)>;
  SourceLook(EventLoop& loop, const LocalSettings& settings, OnAnswer on_answer);
  ~SourceLook();
  SourceLook(const SourceLook&) = delete;
  SourceLook& operator=(const SourceLook&) = delete;

  // Collects a question; those of one folder and interpreter are asked together by Ask.
  void Add(const ports::ResourceRef& deployment, const PodPlan& plan);
  // Asks what was collected; what is still being asked about the same folder is asked anew with it.
  void Ask();

 private:
  using Place = std::tuple<std::string, std::string, std::string>;  // interpreter, folder, PYTHONPATH
  struct Look {
    ProgramStart program;
    std::map<std::string, std::vector<ports::ResourceRef>> asked;  // by handler
    std::optional<ChildProcess> child;
    bool output_open = false;
    std::string output;
    EventLoop::TimerId timer = 0;
  };
  void Start(const Place& place);
  void ReadOutput(Look& look);
  void OnEnd(const Place& place);
  void EndChild(Look& look);

  EventLoop& loop_;
  const LocalSettings& settings_;
  const OnAnswer on_answer_;
  std::map<Place, Look> looks_;
  std::vector<Place> collected_;
};

}  // namespace asya::cluster::local
