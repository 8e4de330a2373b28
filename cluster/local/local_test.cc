#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <thread>

#include "cluster/local/applied_objects.h"
#include "cluster/local/child_process.h"
#include "cluster/local/deployment.h"
#include "cluster/local/event_loop.h"
#include "cluster/local/log_file.h"
#include "cluster/local/notify_socket.h"
#include "cluster/local/packing.h"
#include "cluster/local/pod_folder.h"
#include "cluster/local/rollout.h"
#include "core/base/random.h"
#include "core/json/parse.h"

namespace asya::cluster::local {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class TemporaryFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "asya-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string folder_;
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

json::Value Json(std::string_view text) { return json::Parse(text).value(); }

TEST(Notification, TakesWhatItKnowsAndPassesOverTheRest) {
  const auto all = ParseNotification("READY=1\nSTATUS=serves = well\nX_ASYA_IN_FLIGHT=3\nMAINPID=7\nnonsense");
  EXPECT_EQ(all.ready, true);
  EXPECT_EQ(all.status, "serves = well");
  EXPECT_EQ(all.in_flight, 3);
  EXPECT_EQ(ParseNotification("READY=0").ready, false);
  EXPECT_EQ(ParseNotification("READY=0\nSTATUS=x\nX_ASYA_FAILED=1").failed, true);
  EXPECT_EQ(ParseNotification("X_ASYA_FAILED=0").failed, false);
  EXPECT_EQ(ParseNotification("STATUS=").status, "");
  for (const char* broken : {"", "\n\n", "READY=yes", "X_ASYA_IN_FLIGHT=-1", "X_ASYA_IN_FLIGHT=", "=", "READY"}) {
    const auto nothing = ParseNotification(broken);
    EXPECT_FALSE(nothing.ready || nothing.status || nothing.in_flight) << broken;
  }
}

TEST(LineBuffer, CutsAStreamIntoLines) {
  LineBuffer buffer;
  std::vector<std::string> lines;
  const auto add = [&lines](std::string_view line) { lines.emplace_back(line); };
  buffer.Add("one\ntw", add);
  buffer.Add("o\n\nthree", add);
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", ""}));
  buffer.Finish(add);
  EXPECT_EQ(lines.back(), "three");
  lines.clear();
  buffer.Add(std::string(LineBuffer::kLineLimit_bytes + 10, 'x') + "\nnext\n", add);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].size(), LineBuffer::kLineLimit_bytes);
  EXPECT_EQ(lines[1], "next");
}

class LogFileTest : public TemporaryFolder {};

TEST_F(LogFileTest, WritesTimeContainerAndLine) {
  const FakeClock clock(WallTime(seconds(1'700'000'000)));
  LogFile log(folder_ + "/infer", "infer-1", LogLimits{}, clock);
  log.Write("asya-runtime", "hello");
  EXPECT_EQ(ReadAll(folder_ + "/infer/infer-1.log"), "2023-11-14T22:13:20.000000Z asya-runtime hello\n");
}

TEST_F(LogFileTest, StaysWithinItsSizeAndNumber) {
  const FakeClock clock;
  LogLimits limits;
  limits.file_size_bytes = 1000;
  LogFile log(folder_, "r", limits, clock);
  for (int i = 0; i < 200; ++i) log.Write("asya-relay", std::string(50, 'x') + std::to_string(i));
  std::int64_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    ++files;
    EXPECT_LE(entry.file_size(), 1000U);
  }
  EXPECT_EQ(files, 3);
  EXPECT_NE(ReadAll(folder_ + "/r.log").find("x199\n"), std::string::npos);
}

TEST_F(LogFileTest, ForgetsTheLogsOfEarlierReplicas) {
  LogLimits limits;
  limits.replicas_per_actor = 2;
  const auto now = fs::file_time_type::clock::now();
  for (int i = 0; i < 5; ++i) {
    for (const char* end : {".log", ".log.1"}) {
      const std::string path = folder_ + "/r" + std::to_string(i) + end;
      std::ofstream(path) << "x";
      fs::last_write_time(path, now - seconds(100 - i));
    }
  }
  RemoveOldLogs(folder_, limits);
  EXPECT_FALSE(fs::exists(folder_ + "/r2.log"));
  EXPECT_FALSE(fs::exists(folder_ + "/r2.log.1"));
  EXPECT_TRUE(fs::exists(folder_ + "/r3.log"));
  EXPECT_TRUE(fs::exists(folder_ + "/r4.log.1"));
}

TEST(Rollout, StartsAndDrainsToTheCount) {
  EXPECT_EQ(PlanRollout({}, 3).start, 3);
  const std::vector<ReplicaFacts> three = {
      {"busy", true, true, 2, 30}, {"young", true, true, 0, 10}, {"old", true, true, 0, 50}};
  EXPECT_EQ(PlanRollout(three, 3).start, 0);
  EXPECT_EQ(PlanRollout(three, 2).drain, (std::vector<std::string>{"young"}));
  EXPECT_EQ(PlanRollout(three, 1).drain, (std::vector<std::string>{"young", "old"}));
  EXPECT_EQ(PlanRollout(three, 0).drain.size(), 3U);
  const std::vector<ReplicaFacts> starting = {{"a", true, true, 0, 50}, {"b", true, false, 0, 10}};
  EXPECT_EQ(PlanRollout(starting, 1).drain, (std::vector<std::string>{"b"}));
}

TEST(Rollout, AnOldReplicaServesUntilANewOneDoes) {
  std::vector<ReplicaFacts> replicas = {{"old", false, true, 0, 50}};
  RolloutStep step = PlanRollout(replicas, 1);
  EXPECT_EQ(step.start, 1);
  EXPECT_TRUE(step.drain.empty());
  replicas.push_back({"new", true, false, 0, 1});
  step = PlanRollout(replicas, 1);
  EXPECT_EQ(step.start, 0);
  EXPECT_TRUE(step.drain.empty());
  replicas[1].ready = true;
  EXPECT_EQ(PlanRollout(replicas, 1).drain, (std::vector<std::string>{"old"}));
  EXPECT_EQ(PlanRollout({{"broken", false, false, 0, 50}}, 1).drain, (std::vector<std::string>{"broken"}));
}

TEST(Rollout, GetsThereFromAnywhereWithoutLosingWhatServes) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const std::int64_t desired = random.Between(0, 8);
    std::vector<ReplicaFacts> replicas;
    int names = 0;
    for (std::int64_t i = random.Between(0, 8); i > 0; --i) {
      replicas.push_back({std::to_string(++names), false, random.Between(0, 3) > 0, random.Between(0, 2), i});
    }
    const auto serving = [&replicas] { return std::ranges::count_if(replicas, &ReplicaFacts::ready); };
    for (int round = 0; round < 40; ++round) {
      const auto served = serving();
      const RolloutStep step = PlanRollout(replicas, desired);
      for (const auto& name : step.drain) std::erase_if(replicas, [&](const auto& r) { return r.name == name; });
      for (std::int64_t i = 0; i < step.start; ++i) replicas.push_back({std::to_string(++names), true, false, 0, 0});
      ASSERT_GE(serving(), std::min<std::ptrdiff_t>(served, desired));
      ASSERT_LE(static_cast<std::int64_t>(replicas.size()), desired + std::max<std::int64_t>(1, desired / 4) + 8);
      for (auto& replica : replicas) {
        if (replica.current && random.Between(0, 1) == 1) replica.ready = true;
      }
    }
    EXPECT_EQ(static_cast<std::int64_t>(replicas.size()), desired);
    EXPECT_TRUE(std::ranges::all_of(replicas, &ReplicaFacts::current));
  }
}

TEST(AppliedObjects, AManagersFieldsComeAndGo) {
  AppliedObjects objects;
  const WallTime now{};
  const auto apply = [&](const char* text, const char* manager) {
    return objects.Apply(Json(text), manager, now).value().changed;
  };
  const ports::ResourceRef ref{"v1", "ConfigMap", "default", "c"};
  EXPECT_TRUE(apply(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"default"},
      "data":{"a":"1","b":"2","shared":"x"}})",
                    "asya"));
  EXPECT_FALSE(apply(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"default"},
      "data":{"a":"1","b":"2","shared":"x"}})",
                     "asya"));
  EXPECT_TRUE(apply(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"default"},
      "data":{"own":"3","shared":"x"}})",
                    "other"));
  EXPECT_TRUE(apply(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"default"},
      "data":{"a":"9"}})",
                    "asya"));
  EXPECT_EQ(json::Dump(objects.Object(ref)["data"]), R"({"a":"9","own":"3","shared":"x"})");
  EXPECT_FALSE(objects.Apply(Json(R"({"kind":"ConfigMap"})"), "asya", now).ok());
}

TEST(AppliedObjects, TheGenerationFollowsTheSpec) {
  AppliedObjects objects;
  const ports::ResourceRef ref{"apps/v1", "Deployment", "default", "d"};
  const auto generation = [&] { return objects.Object(ref)["metadata"]["generation"].AsInt(); };
  json::Value object = Json(R"({"apiVersion":"apps/v1","kind":"Deployment",
      "metadata":{"name":"d","namespace":"default","labels":{"asya.sh/owner-uid":"u1"}},"spec":{"replicas":1}})");
  ASSERT_TRUE(objects.Apply(object, "asya", WallTime{}).ok());
  EXPECT_EQ(generation(), 1);
  object["metadata"]["labels"]["more"] = "x";
  ASSERT_TRUE(objects.Apply(object, "asya", WallTime{}).ok());
  EXPECT_EQ(generation(), 1);
  object["spec"]["replicas"] = 2;
  ASSERT_TRUE(objects.Apply(object, "asya", WallTime{}).ok());
  EXPECT_EQ(generation(), 2);
  EXPECT_EQ(objects.OwnedBy("u1").size(), 1U);
  EXPECT_TRUE(objects.OwnedBy("u2").empty());
  object["metadata"]["labels"]["asya.sh/owner-uid"] = "u2";
  ASSERT_TRUE(objects.Apply(object, "asya", WallTime{}).ok());
  EXPECT_TRUE(objects.OwnedBy("u1").empty());
  EXPECT_EQ(objects.OwnedBy("u2").size(), 1U);
  objects.Erase(ref);
  EXPECT_TRUE(objects.OwnedBy("u2").empty());
}

// The first apply of a Deployment is of two managers: what only the first gives stays, what both give follows the last.
TEST(AppliedObjects, ManagersGiveTheSame) {
  AppliedObjects objects;
  const ports::ResourceRef ref{"apps/v1", "Deployment", "default", "d"};
  json::Value object =
      Json(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","namespace":"default"},
      "spec":{"template":{"spec":{"containers":[{"name":"a"}]}}}})");
  json::Value first = object;
  first["spec"]["replicas"] = 2;
  ASSERT_TRUE(objects.Apply(first, "asya-initial", WallTime{}).ok());
  EXPECT_FALSE(objects.Apply(object, "asya", WallTime{}).value().changed);
  EXPECT_EQ(json::Dump(objects.Object(ref)["spec"]),
            R"({"replicas":2,"template":{"spec":{"containers":[{"name":"a"}]}}})");
  object["spec"]["template"]["spec"]["containers"].AsArray()[0]["name"] = "b";
  EXPECT_TRUE(objects.Apply(object, "asya", WallTime{}).value().changed);
  EXPECT_EQ(json::Dump(objects.Object(ref)["spec"]),
            R"({"replicas":2,"template":{"spec":{"containers":[{"name":"b"}]}}})");
}

TEST(AppliedObjects, WhatIsTriedIsWhatAnApplyMakes) {
  AppliedObjects objects;
  const ports::ResourceRef ref{"v1", "ConfigMap", "default", "c"};
  const json::Value first = Json(R"({"apiVersion":"v1","kind":"ConfigMap",
      "metadata":{"name":"c","namespace":"default"},"data":{"a":"1","b":"2"}})");
  const json::Value other = Json(R"({"apiVersion":"v1","kind":"ConfigMap",
      "metadata":{"name":"c","namespace":"default"},"data":{"own":"3"}})");
  const auto made = objects.Try(first, "asya");
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(made->before.IsNull());
  EXPECT_EQ(made->after, first);
  EXPECT_EQ(objects.Find(ref), nullptr) << "nothing was made";
  ASSERT_TRUE(objects.Apply(first, "asya", WallTime{}).ok());
  ASSERT_TRUE(objects.Apply(other, "other", WallTime{}).ok());
  json::Value next = first;
  next["data"] = json::Object{{"a", "9"}};
  const auto tried = objects.Try(next, "asya");
  ASSERT_TRUE(tried.ok());
  EXPECT_EQ(json::Dump(*tried->before.Find("data")), R"({"a":"1","b":"2","own":"3"})");
  EXPECT_EQ(json::Dump(objects.Object(ref)["data"]), R"({"a":"1","b":"2","own":"3"})") << "nothing was changed";
  ASSERT_TRUE(objects.Apply(next, "asya", WallTime{}).ok());
  EXPECT_EQ(objects.Object(ref)["data"], *tried->after.Find("data"));
  EXPECT_FALSE(objects.Try(Json(R"({"kind":"ConfigMap"})"), "asya").ok());
}

TEST(Packing, WhatIsKnownCostsLittle) {
  Random random(7);
  std::string known;
  for (int i = 0; i < 6000; ++i) known += static_cast<char>(random.Between(32, 126));
  const std::string text = "head" + known.substr(100) + "tail";
  EXPECT_LT(Pack(text, known).size(), 200U);
  for (const std::string& dictionary : {known, std::string(), std::string(20'000, 'x')}) {
    for (const std::string& one : {text, std::string(), std::string(100'000, 'y')}) {
      EXPECT_EQ(Unpack(Pack(one, dictionary), dictionary), one);
    }
  }
}

TEST(DeploymentStatus, ShowsCountsAndTheFirstTrouble) {
  DeploymentView view;
  view.desired = 2;
  view.updated = 2;
  ports::Replica ready;
  ready.name = "infer-1";
  ready.ready = true;
  ports::Replica broken;
  broken.name = "infer-2";
  broken.restarts = 3;
  view.failing = 1;
  broken.message = "asya-runtime exited with status 1; next start in 400 ms";
  ports::Replica leaving;
  leaving.draining = true;
  view.replicas = {ready, broken, leaving};
  const WallTime at{seconds(1'700'000'000)};
  const json::Value status = DeploymentStatus(view, 4, nullptr, at);
  EXPECT_EQ(status.GetInt("replicas"), 2);
  EXPECT_EQ(status.GetInt("readyReplicas"), 1);
  EXPECT_EQ(status.GetInt("observedGeneration"), 4);
  const json::Array& conditions = status.Find("conditions")->AsArray();
  EXPECT_EQ(conditions[0].GetString("status"), "False");
  EXPECT_EQ(conditions[0].GetString("message"), "infer-2: " + broken.message);
  EXPECT_EQ(conditions[1].GetString("status"), "True");
  EXPECT_EQ(DeploymentStatus(view, 4, &status, at + seconds(9)), status);
  view.replicas = {};
  view.desired = 0;
  EXPECT_EQ(DeploymentStatus(view, 4, &status, at).Find("conditions")->AsArray()[0].GetString("status"), "True");
}

TEST(EventLoop, RunsPostedFunctionsTimersAndWatches) {
  EventLoop loop(RealClock());
  ASSERT_TRUE(loop.Start().ok());
  std::promise<void> read;
  std::vector<std::string> order;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  loop.Post([&] {
    order.push_back("posted");
    const auto canceled = loop.After(std::chrono::milliseconds(1), [&] { order.push_back("canceled"); });
    loop.Cancel(canceled);
    loop.Watch(ends[0], [&] {
      order.push_back("read");
      loop.Unwatch(ends[0]);
      read.set_value();
    });
    loop.After(std::chrono::milliseconds(20), [&] {
      order.push_back("timer");
      ASSERT_EQ(::write(ends[1], "x", 1), 1);
    });
  });
  ASSERT_EQ(read.get_future().wait_for(seconds(20)), std::future_status::ready);
  loop.Stop();
  EXPECT_EQ(order, (std::vector<std::string>{"posted", "timer", "read"}));
  ::close(ends[0]);
  ::close(ends[1]);
}

class PodFolderTest : public TemporaryFolder {};

TEST_F(PodFolderTest, AFolderOfALivingServerStays) {
  auto folder = PodFolder::Create(folder_ + "/run", "abc");
  ASSERT_TRUE(folder.ok());
  EXPECT_EQ(RemoveStalePods(folder_ + "/run"), 0U);
  EXPECT_TRUE(fs::exists(folder->path()));
  EXPECT_FALSE(PodFolder::Create(folder_ + "/run", "abc").ok());
}

TEST_F(PodFolderTest, ADeadServersFolderGoesWithItsProcesses) {
  ProgramStart start;
  start.arguments = {"/bin/cat", "/dev/zero"};
  auto child = ChildProcess::Start(start);
  ASSERT_TRUE(child.ok());
  ASSERT_TRUE(MarkOf(child->mark().pid).has_value());
  const std::string pod = folder_ + "/run/abc";
  fs::create_directories(pod);
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  const auto self = *MarkOf(::getpid());
  std::ofstream(pod + "/processes") << boot << "\nserver " << self.pid << " " << self.start_time + 1 << "\nasya-relay "
                                    << child->mark().pid << " " << child->mark().start_time << "\n";
  // Another process of the same pid but another start: not ours, it must live.
  fs::create_directories(folder_ + "/run/def");
  std::ofstream(folder_ + "/run/def/processes") << boot << "\nserver 1 1\nasya-relay " << self.pid << " 1\n";
  fs::create_directories(folder_ + "/run/not-a-pod");
  EXPECT_EQ(RemoveStalePods(folder_ + "/run"), 2U);
  EXPECT_FALSE(fs::exists(pod));
  EXPECT_TRUE(fs::exists(folder_ + "/run/not-a-pod"));
  const auto deadline = RealClock().Steady() + seconds(20);
  std::optional<std::string> how;
  while (!(how = child->Reap()) && RealClock().Steady() < deadline) std::this_thread::yield();
  EXPECT_EQ(how, "was ended by signal 9 (Killed)");
}

TEST(RunDir, MayNotBeTooLongForSockets) {
  EXPECT_TRUE(CheckRunDir("/run/user/1000/asya").ok());
  EXPECT_FALSE(CheckRunDir("/" + std::string(90, 'x')).ok());
}

}  // namespace
}  // namespace asya::cluster::local
