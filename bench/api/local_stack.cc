#include "bench/api/local_stack.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "bench/support/connection.h"
#include "core/json/parse.h"

namespace asya::bench {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::milliseconds kLook{20};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

LocalStack::LocalStack(const Installation& installation) {
  const std::string state = folder_.path() + "/.asya/local";
  std::filesystem::create_directories(state);
  process_ = std::make_unique<tests::ChildProcess>(
      std::vector<std::string>{installation.programs + "/asya-server", "local", "--project", folder_.path(), "--state",
                               state, "--runtime", installation.runtime, "--crew", installation.crew, "--python",
                               installation.python, "--log-level", "WARNING"},
      std::map<std::string, std::string>{}, folder_.path() + "/server.log");
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!std::filesystem::exists(state + "/server.json")) {
    if (std::chrono::steady_clock::now() > until)
      Die("the server did not start: " + ReadAll(folder_.path() + "/server.log"));
    std::this_thread::sleep_for(kLook);
  }
  const json::Value file = json::Parse(ReadAll(state + "/server.json")).value();
  api_.name = "asya-server";
  api_.address = file.GetString("url").value().substr(std::string_view("http://").size());
  api_.token = file.GetString("token").value();
}

LocalStack::~LocalStack() {
  process_->Signal(SIGTERM);
  process_->Wait();
}

int LocalStack::Reconciled(const std::string& namespace_) const {
  Connection connection = ConnectTo(api_);
  int count = 0;
  std::string next;
  do {
    const std::string query = "?limit=500" + (next.empty() ? "" : "&continue=" + next);
    const json::Value page = json::Parse(connection.Call("GET", ActorsPath(namespace_) + query, "")).value();
    for (const json::Value& item : page.Find("items")->AsArray()) {
      const json::Value* phase = item.FindPath({"status", "phase"});
      if (phase != nullptr && *phase != json::Value("Creating")) ++count;
    }
    const json::Value* token = page.FindPath({"metadata", "continue"});
    next = token == nullptr ? "" : token->AsString();
  } while (!next.empty());
  return count;
}

}  // namespace asya::bench
