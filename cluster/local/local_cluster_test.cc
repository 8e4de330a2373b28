#include "cluster/local/local_cluster.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

namespace asya::cluster::local {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Ready when the handler file says so, busy when FAKE_BUSY names a pipe whose other end has to open before it leaves.
constexpr const char* kFakeRelay = R"(#!/usr/bin/env python3
import os, select, signal, socket, sys
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def say(text): notify.sendto(text.encode(), os.environ["NOTIFY_SOCKET"])
wake, waker = os.pipe()
os.set_blocking(waker, False)
signal.set_wakeup_fd(waker)
def term(*_):
    terms.append(1)
    if len(terms) > 1:
        print("relay gave up", flush=True)
        os._exit(0)
terms = []
signal.signal(signal.SIGTERM, term)
print("relay of", os.environ["ASYA_ACTOR_NAME"], "in", os.environ["ASYA_SOCKET_DIR"], flush=True)
if os.environ.get("FAKE_RELAY") == "crash": sys.exit(7)
if os.environ.get("FAKE_RELAY") == "broken": say("READY=0\nSTATUS=handler.py:3: SyntaxError: bad\nX_ASYA_FAILED=1")
else: say("READY=1\nSTATUS=ready")
if os.environ.get("FAKE_BUSY"): say("X_ASYA_IN_FLIGHT=1")
control = int(os.environ["ASYA_CONTROL_FD"])
ready, _, _ = select.select([wake, control], [], [])
if control in ready: sys.exit(0)
if os.environ.get("FAKE_BUSY"): open(os.environ["FAKE_BUSY"]).read()
print("relay drained", flush=True)
)";

constexpr const char* kFakeRuntime = R"(
import os, select, signal, socket, sys
if sys.argv[1:2] == ["look"]:
    print("\n".join(open(handler).read() for handler in sys.argv[2:]))
    sys.exit()
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
wake, waker = os.pipe()
os.set_blocking(waker, False)
signal.set_wakeup_fd(waker)
signal.signal(signal.SIGTERM, lambda *_: None)
signal.signal(signal.SIGHUP, lambda *_: None)
print("runtime of", os.environ["ASYA_HANDLER"], "at", os.getcwd(), os.environ["PYTHONPATH"], flush=True)
if os.environ.get("FAKE_RUNTIME") == "crash": sys.exit(9)
control = int(os.environ["ASYA_CONTROL_FD"])
while True:
    ready, _, _ = select.select([wake, control], [], [])
    if control in ready: sys.exit(0)
    if os.read(wake, 1)[0] == signal.SIGTERM: sys.exit(0)
    print("reload", flush=True)
    notify.sendto(b"STATUS=reloaded", os.environ["ASYA_SOCKET_DIR"] + "/notify.sock")
)";

class LocalClusterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "asya-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    fs::create_directories(folder_ + "/code/inner");
    std::ofstream(folder_ + "/relay") << kFakeRelay;
    fs::permissions(folder_ + "/relay", fs::perms::owner_all);
    std::ofstream(folder_ + "/runtime.py") << kFakeRuntime;
    settings_.run_dir = folder_ + "/run";
    settings_.log_dir = folder_ + "/log";
    settings_.relay_path = folder_ + "/relay";
    settings_.runtime_path = folder_ + "/runtime.py";
    settings_.environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
    settings_.stop_grace = milliseconds(10000);
    StartCluster();
  }
  void TearDown() override {
    subscription_.reset();
    cluster_.reset();
    fs::remove_all(folder_);
  }
  void StartCluster() {
    cluster_ = std::make_unique<LocalCluster>(settings_, RealClock(), observe::Logger::Silent());
    ASSERT_TRUE(cluster_->Start().ok());
    subscription_ = cluster_->Subscribe([this](const std::string& owner) {
      const std::lock_guard lock(mutex_);
      if (owner == "u1") ++changes_;
      changed_.notify_all();
    });
  }
  json::Value Manifest(std::int64_t replicas, const std::map<std::string, std::string>& environment = {}) {
    json::Array env;
    const auto add = [&env](const std::string& name, const std::string& value) {
      json::Value entry;
      entry["name"] = name;
      entry["value"] = value;
      env.push_back(entry);
    };
    add("ASYA_ACTOR_NAME", "infer");
    add("ASYA_HANDLER", "handler.f");
    for (const auto& [name, value] : environment) add(name, value);
    json::Value relay;
    relay["name"] = kRelayContainer;
    relay["env"] = env;
    json::Value runtime;
    runtime["name"] = kRuntimeContainer;
    runtime["env"] = env;
    json::Value object;
    object["apiVersion"] = "apps/v1";
    object["kind"] = "Deployment";
    object["metadata"]["name"] = "infer";
    object["metadata"]["namespace"] = "default";
    object["metadata"]["labels"]["asya.sh/owner-uid"] = "u1";
    object["spec"]["replicas"] = replicas;
    json::Value& pod_template = object["spec"]["template"];
    pod_template["metadata"]["annotations"][kSourceDirAnnotation] = folder_ + "/code";
    pod_template["spec"]["containers"] = json::Array{relay, runtime};
    pod_template["spec"]["terminationGracePeriodSeconds"] = 20;
    return object;
  }
  void Apply(const json::Value& object) {
    const auto applied = cluster_->Apply(object, "asya");
    ASSERT_TRUE(applied.ok()) << applied.error().message;
  }
  // Waits until `holds`, looking again at each change and every 20 ms, since counts of work are not told as changes.
  bool Eventually(const std::function<bool()>& holds) {
    const auto deadline = RealClock().Steady() + seconds(30);
    while (!holds()) {
      std::unique_lock lock(mutex_);
      if (RealClock().Steady() > deadline) return false;
      changed_.wait_for(lock, milliseconds(20));
    }
    return true;
  }
  std::vector<ports::Replica> Replicas() {
    const auto replicas = cluster_->Replicas(ref_);
    return replicas.ok() ? *replicas : std::vector<ports::Replica>{};
  }
  bool AllReady(std::size_t count) {
    const auto replicas = Replicas();
    return replicas.size() == count && std::ranges::all_of(replicas, &ports::Replica::ready);
  }
  std::string Condition(const std::string& type) {
    const auto children = cluster_->Observe("u1");
    for (const auto& child : *children) {
      const json::Value* conditions = child.object.FindPath({"status", "conditions"});
      if (conditions == nullptr) continue;
      for (const auto& condition : conditions->AsArray()) {
        if (condition.GetString("type") == type) {
          return condition.GetString("status").value_or("") + " " + condition.GetString("message").value_or("");
        }
      }
    }
    return "";
  }
  std::string Log(const std::string& replica) {
    std::ifstream file(folder_ + "/log/default/infer/" + replica + ".log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  std::size_t PodFolders() {
    if (!fs::exists(folder_ + "/run")) return 0;
    const auto range = fs::directory_iterator(folder_ + "/run");
    return static_cast<std::size_t>(std::distance(fs::begin(range), fs::end(range)));
  }

  const ports::ResourceRef ref_{"apps/v1", "Deployment", "default", "infer"};
  std::string folder_;
  LocalSettings settings_;
  std::unique_ptr<LocalCluster> cluster_;
  std::shared_ptr<void> subscription_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int changes_ = 0;
};

TEST_F(LocalClusterTest, RunsReplicasAndTakesThemAwayAgain) {
  Apply(Manifest(2));
  ASSERT_TRUE(Eventually([this] { return AllReady(2); }));
  EXPECT_TRUE(Eventually([this] { return Condition("Available") == "True "; }));
  const std::string name = Replicas()[0].name;
  EXPECT_EQ(name.substr(0, 6), "infer-");
  EXPECT_TRUE(Eventually([&] { return Log(name).find("asya-runtime runtime of handler.f at ") != std::string::npos; }));
  EXPECT_NE(Log(name).find("asya-relay relay of infer in " + folder_ + "/run/"), std::string::npos);
  EXPECT_EQ(PodFolders(), 2U);
  ASSERT_TRUE(cluster_->Scale(ref_, 0).ok());
  EXPECT_TRUE(Eventually([this] { return Replicas().empty(); }));
  EXPECT_EQ(PodFolders(), 0U);
  EXPECT_NE(Log(name).find("asya-relay relay drained"), std::string::npos);
}

TEST_F(LocalClusterTest, ApplyingTheSameChangesNothing) {
  Apply(Manifest(1));
  ASSERT_TRUE(Eventually([this] { return AllReady(1); }));
  const std::string name = Replicas()[0].name;
  const auto applied = cluster_->Apply(Manifest(1), "asya");
  ASSERT_TRUE(applied.ok());
  EXPECT_FALSE(applied->changed);
  EXPECT_EQ(Replicas()[0].name, name);
}

TEST_F(LocalClusterTest, ABusyReplicaFinishesBeforeItLeaves) {
  const std::string pipe = folder_ + "/busy";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Apply(Manifest(1, {{"FAKE_BUSY", pipe}}));
  ASSERT_TRUE(Eventually([this] { return AllReady(1) && Replicas()[0].in_flight == 1; }));
  const std::string name = Replicas()[0].name;
  ASSERT_TRUE(cluster_->Scale(ref_, 0).ok());
  ASSERT_TRUE(Eventually([this] { return Replicas().size() == 1 && Replicas()[0].draining; }));
  EXPECT_EQ(Log(name).find("relay drained"), std::string::npos);
  std::ofstream(pipe) << "done";
  EXPECT_TRUE(Eventually([this] { return Replicas().empty(); }));
  EXPECT_NE(Log(name).find("relay drained"), std::string::npos);
}

TEST_F(LocalClusterTest, KillsWhatOutstaysItsGracePeriod) {
  const std::string pipe = folder_ + "/busy";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  json::Value manifest = Manifest(1, {{"FAKE_BUSY", pipe}});
  manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 0;
  Apply(manifest);
  ASSERT_TRUE(Eventually([this] { return AllReady(1); }));
  ASSERT_TRUE(cluster_->Scale(ref_, 0).ok());
  EXPECT_TRUE(Eventually([this] { return Replicas().empty(); }));
}

TEST_F(LocalClusterTest, ANewTemplateReplacesReplicasWithoutAGap) {
  Apply(Manifest(1));
  ASSERT_TRUE(Eventually([this] { return AllReady(1); }));
  const std::string old = Replicas()[0].name;
  Apply(Manifest(1, {{"ADDED", "x"}}));
  bool gap = false;
  ASSERT_TRUE(Eventually([&] {
    const auto replicas = Replicas();
    gap = gap || std::ranges::none_of(replicas, &ports::Replica::ready);
    return replicas.size() == 1 && replicas[0].name != old && replicas[0].ready;
  }));
  EXPECT_FALSE(gap);
}

TEST_F(LocalClusterTest, ATemplateThatNeverGetsReadyLeavesTheOldOneServing) {
  Apply(Manifest(1));
  ASSERT_TRUE(Eventually([this] { return AllReady(1); }));
  const std::string old = Replicas()[0].name;
  Apply(Manifest(1, {{"FAKE_RELAY", "broken"}}));
  const std::string message = "handler.py:3: SyntaxError: bad";
  ASSERT_TRUE(Eventually([&] {
    return std::ranges::any_of(Replicas(), [&](const auto& replica) { return replica.message == message; });
  }));
  EXPECT_TRUE(std::ranges::any_of(Replicas(), [&](const auto& r) { return r.name == old && r.ready; }));
}

TEST_F(LocalClusterTest, ShowsWhatIsWrongWithTheCode) {
  Apply(Manifest(1, {{"FAKE_RELAY", "broken"}}));
  ASSERT_TRUE(Eventually([this] {
    return Condition("Available").find("handler.py:3: SyntaxError: bad") != std::string::npos;
  })) << Condition("Available");
}

TEST_F(LocalClusterTest, CodeThatDoesNotLoadIsAFailure) {
  Apply(Manifest(1, {{"FAKE_RELAY", "broken"}}));
  EXPECT_TRUE(Eventually([this] { return Condition("ReplicaFailure").substr(0, 4) == "True"; }));
}

TEST_F(LocalClusterTest, RestartsWhatCrashesAndSaysSo) {
  Apply(Manifest(1, {{"FAKE_RUNTIME", "crash"}, {"FAKE_RELAY", "broken"}}));
  ASSERT_TRUE(Eventually([this] {
    return Condition("ReplicaFailure").find("asya-runtime exited with status 9; next start in ") != std::string::npos;
  })) << Condition("ReplicaFailure");
  EXPECT_EQ(Condition("ReplicaFailure").substr(0, 4), "True");
  EXPECT_TRUE(Eventually([this] { return !Replicas().empty() && Replicas()[0].restarts >= 2; }));
}

TEST_F(LocalClusterTest, NamesAnInterpreterThatIsNotThere) {
  json::Value manifest = Manifest(1, {{"FAKE_RELAY", "broken"}});
  manifest["spec"]["template"]["metadata"]["annotations"][kPythonAnnotation] = folder_ + "/no-python";
  Apply(manifest);
  EXPECT_TRUE(Eventually([this] {
    return Condition("Available").find("/no-python: No such file or directory") != std::string::npos;
  })) << Condition("Available");
}

TEST_F(LocalClusterTest, ASavedFileReloadsTheRuntime) {
  Apply(Manifest(1, {{"FAKE_RELAY", "broken"}}));
  ASSERT_TRUE(Eventually(
      [this] { return Replicas().size() == 1 && Log(Replicas()[0].name).find("runtime of") != std::string::npos; }));
  std::ofstream(folder_ + "/code/notes.txt") << "not code";
  std::ofstream(folder_ + "/code/inner/handler.py") << "x = 1";
  ASSERT_TRUE(Eventually([this] { return Replicas()[0].message == "reloaded"; }));
  const std::string log = Log(Replicas()[0].name);
  EXPECT_EQ(log.find("asya-runtime reload"), log.rfind("asya-runtime reload"));
}

TEST_F(LocalClusterTest, ASavedFileIsLookedAtWhereNothingRuns) {
  const auto save = [this](const std::string& verdict) {
    std::ofstream(folder_ + "/code/handler.f") << verdict;
    std::ofstream(folder_ + "/code/handler.py") << "";
  };
  Apply(Manifest(0));
  ASSERT_TRUE(Eventually([this] { return !Condition("Available").empty(); }));
  save("handler.py, line 3: SyntaxError: bad");
  ASSERT_TRUE(Eventually([this] { return Condition("ReplicaFailure") == "True handler.py, line 3: SyntaxError: bad"; }))
      << Condition("ReplicaFailure");
  Apply(Manifest(0, {{"OTHER", "value"}}));
  ASSERT_TRUE(
      Eventually([this] { return Condition("ReplicaFailure") == "True handler.py, line 3: SyntaxError: bad"; }));
  save("ok");
  ASSERT_TRUE(Eventually([this] { return Condition("ReplicaFailure") == "False "; }));
  EXPECT_TRUE(Replicas().empty());
}

// A person saves within the cooldown; the replica goes, and its message with it.
TEST_F(LocalClusterTest, AFileSavedWhileAReplicaRanIsLookedAtWhenItHasLeft) {
  Apply(Manifest(1));
  ASSERT_TRUE(
      Eventually([this] { return AllReady(1) && Log(Replicas()[0].name).find("runtime of") != std::string::npos; }));
  std::ofstream(folder_ + "/code/handler.f") << "handler.py, line 3: SyntaxError: bad";
  std::ofstream(folder_ + "/code/handler.py") << "";
  const std::string replica = Replicas()[0].name;
  ASSERT_TRUE(Eventually([&] { return Log(replica).find("asya-runtime reload") != std::string::npos; }));
  ASSERT_TRUE(cluster_->Scale(ref_, 0).ok());
  EXPECT_TRUE(Eventually([this] { return Condition("ReplicaFailure") == "True handler.py, line 3: SyntaxError: bad"; }))
      << Condition("ReplicaFailure");
}

TEST_F(LocalClusterTest, ADeletedDeploymentStaysUntilItsReplicasHaveLeft) {
  const std::string pipe = folder_ + "/busy";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Apply(Manifest(1, {{"FAKE_BUSY", pipe}}));
  ASSERT_TRUE(Eventually([this] { return AllReady(1); }));
  ASSERT_TRUE(cluster_->Delete(ref_, "u1").ok());
  ASSERT_TRUE(cluster_->Delete(ref_, "u1").ok());
  EXPECT_EQ(cluster_->Observe("u1")->size(), 1U);
  EXPECT_FALSE(cluster_->Scale(ref_, 1).ok());
  std::ofstream(pipe) << "done";
  EXPECT_TRUE(Eventually([this] { return cluster_->Observe("u1")->empty(); }));
  EXPECT_TRUE(cluster_->Delete(ref_, "u1").ok());
}

json::Value Map(json::Object labels) {
  json::Object metadata{{"name", "c"}, {"namespace", "default"}, {"labels", std::move(labels)}};
  return json::Object{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", std::move(metadata)}};
}

TEST_F(LocalClusterTest, OtherKindsAreKept) {
  Apply(Map({{ports::kOwnerLabel, "u1"}}));
  const ports::ResourceRef ref{"v1", "ConfigMap", "default", "c"};
  EXPECT_TRUE(cluster_->Delete(ref, "u2").ok() && cluster_->Observe("u1")->size() == 1U) << "it is not theirs";
  EXPECT_TRUE(cluster_->Delete(ref, "u1").ok() && cluster_->Observe("u1")->empty());
}

TEST_F(LocalClusterTest, WhatRunsTooLongAtTheEndIsGivenUpNotKilled) {
  const std::string pipe = folder_ + "/busy";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  settings_.stop_grace = milliseconds(3000);  // for the first SIGTERM to be taken: two that wait at once are one
  settings_.give_up_time = milliseconds(20000);
  subscription_.reset();
  cluster_.reset();
  StartCluster();
  Apply(Manifest(1, {{"FAKE_BUSY", pipe}}));
  ASSERT_TRUE(Eventually([this] { return AllReady(1) && Replicas()[0].in_flight == 1; }));
  const std::string replica = Replicas()[0].name;
  cluster_->Stop();
  EXPECT_NE(Log(replica).find("relay gave up"), std::string::npos) << Log(replica);
}

TEST_F(LocalClusterTest, NothingOutlivesIt) {
  Apply(Manifest(2));
  ASSERT_TRUE(Eventually([this] { return AllReady(2); }));
  std::vector<ProcessMark> marks;
  for (const auto& entry : fs::directory_iterator(folder_ + "/run")) {
    std::ifstream record(entry.path() / "processes");
    std::string boot, name;
    std::getline(record, boot);
    ProcessMark mark;
    while (record >> name >> mark.pid >> mark.start_time) {
      if (name != "server") marks.push_back(mark);
    }
  }
  EXPECT_EQ(marks.size(), 4U);
  cluster_->Stop();
  for (const auto& mark : marks) EXPECT_NE(MarkOf(mark.pid), mark);
  EXPECT_EQ(PodFolders(), 0U);
  EXPECT_FALSE(cluster_->Apply(Manifest(1), "asya").ok());
}

}  // namespace
}  // namespace asya::cluster::local
