#include "cluster/local/source_look.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace asya::cluster::local {
namespace {

constexpr std::size_t kReadSize_bytes = 16 << 10;
constexpr std::size_t kOutputLimit_bytes = 1 << 20;
constexpr const char* kNothingWrong = "ok";

}  // namespace

SourceLook::SourceLook(EventLoop& loop, const LocalSettings& settings, OnAnswer on_answer)
    : loop_(loop), settings_(settings), on_answer_(std::move(on_answer)) {}

SourceLook::~SourceLook() {
  for (auto& [place, look] : looks_) EndChild(look);
}

void SourceLook::Add(const ports::ResourceRef& deployment, const PodPlan& plan) {
  const auto handler = plan.runtime_environment.find("ASYA_HANDLER");
  if (!plan.has_runtime || handler == plan.runtime_environment.end()) return;
  std::map<std::string, std::string> environment;
  // Of the actor's own environment only what says where its imports are: the rest is for its handler alone.
  if (const auto path = plan.runtime_environment.find("PYTHONPATH"); path != plan.runtime_environment.end()) {
    environment.insert(*path);
  }
  ProgramStart program = RuntimeProgram(plan, settings_, environment);
  const Place place{program.arguments[0], program.folder, program.environment["PYTHONPATH"]};
  Look& look = looks_[place];
  look.program = std::move(program);
  if (look.asked.size() >= kLookedHandlersLimit && look.asked.count(handler->second) == 0) return;
  auto& deployments = look.asked[handler->second];
  if (std::ranges::find(deployments, deployment) == deployments.end()) deployments.push_back(deployment);
  if (std::ranges::find(collected_, place) == collected_.end()) collected_.push_back(place);
}

void SourceLook::Ask() {
  for (const Place& place : std::exchange(collected_, {})) Start(place);
}

void SourceLook::Start(const Place& place) {
  Look& look = looks_[place];
  EndChild(look);
  ProgramStart program = look.program;
  program.arguments.emplace_back("look");
  for (const auto& [handler, deployments] : look.asked) program.arguments.push_back(handler);
  auto child = ChildProcess::Start(program);
  if (!child.ok()) {
    looks_.erase(place);
    return;
  }
  look.child.emplace(std::move(*child));
  look.output.clear();
  look.output_open = true;
  loop_.Watch(look.child->output_fd(), [this, &look] { ReadOutput(look); });
  loop_.Watch(look.child->end_fd(), [this, place] { OnEnd(place); });
  look.timer = loop_.After(kLookTime, [&look] {
    look.timer = 0;
    look.child->KillGroup();
  });
}

void SourceLook::ReadOutput(Look& look) {
  std::array<char, kReadSize_bytes> buffer{};
  for (;;) {
    const ssize_t size = ::read(look.child->output_fd(), buffer.data(), buffer.size());
    if (size < 0) return;
    if (size == 0) break;
    const std::size_t room = kOutputLimit_bytes - look.output.size();
    look.output.append(buffer.data(), std::min(static_cast<std::size_t>(size), room));
  }
  loop_.Unwatch(look.child->output_fd());
  look.output_open = false;
}

void SourceLook::OnEnd(const Place& place) {
  Look& look = looks_[place];
  if (!look.child->Reap()) return;
  if (look.output_open) ReadOutput(look);
  EndChild(look);
  const Look done = std::move(looks_.extract(place).mapped());
  std::vector<std::string> lines;
  std::istringstream text(done.output);
  for (std::string line; std::getline(text, line);) lines.push_back(std::move(line));
  if (lines.size() != done.asked.size()) return;  // it was killed, or is another program
  auto line = lines.begin();
  for (const auto& [handler, deployments] : done.asked) {
    for (const auto& deployment : deployments) on_answer_(deployment, *line == kNothingWrong ? "" : *line);
    ++line;
  }
}

void SourceLook::EndChild(Look& look) {
  if (!look.child) return;
  loop_.Cancel(std::exchange(look.timer, 0));
  loop_.Unwatch(look.child->end_fd());
  if (std::exchange(look.output_open, false)) loop_.Unwatch(look.child->output_fd());
  look.child.reset();
}

}  // namespace asya::cluster::local
