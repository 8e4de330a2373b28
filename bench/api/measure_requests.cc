#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "bench/api/measure.h"
#include "bench/support/connection.h"

namespace asya::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kRounds = 5;
constexpr int kFillers = 16;
constexpr std::chrono::milliseconds kRoundTime{600};

double CallsASecond(const Round& round) { return static_cast<double>(round.milliseconds.size()) / round.seconds; }

void MeasureCreates(const ApiUnderTest& api, int clients, const char* what) {
  std::vector<double> values;
  for (int round = 0; round < kRounds; ++round) {
    const std::string prefix = "c" + std::to_string(clients) + "-" + std::to_string(round) + "-";
    const Round done = RunClients(api, clients, kRoundTime, [&](Connection& connection, int client, int i) {
      const std::string name = prefix + std::to_string(client) + "-" + std::to_string(i);
      connection.Call("POST", ActorsPath("default"), ActorJson(name));
    });
    values.push_back(CallsASecond(done));
  }
  Row(api.name, what, values, "/s");
}

void MeasureGets(const ApiUnderTest& api, int clients, const char* what) {
  std::vector<double> values;
  for (int round = 0; round < kRounds; ++round) {
    const Round done = RunClients(api, clients, kRoundTime, [&](Connection& connection, int client, int i) {
      connection.Call("GET", ActorsPath("list") + "/n" + std::to_string((client * 7919 + i) % kActors), "");
    });
    values.push_back(CallsASecond(done));
  }
  Row(api.name, what, values, "/s");
}

void MeasureList(const ApiUnderTest& api, const std::string& query, const char* what) {
  Connection connection = ConnectTo(api);
  std::vector<double> values;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = SteadyClock::now();
    connection.Call("GET", ActorsPath("list") + query, "");
    values.push_back(std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count());
  }
  Row(api.name, what, values, "ms");
}

}  // namespace

Connection ConnectTo(const ApiUnderTest& api) {
  return api.tls ? Connection(api.address, *api.tls) : Connection(api.address, api.token);
}

Round RunClients(const ApiUnderTest& api, int clients, std::chrono::milliseconds time,
                 const std::function<void(Connection&, int client, int i)>& work) {
  std::vector<Connection> connections;
  for (int client = 0; client < clients; ++client) connections.push_back(ConnectTo(api));
  std::vector<std::vector<double>> took(connections.size());
  const auto start = SteadyClock::now();
  std::vector<std::thread> threads;
  for (int client = 0; client < clients; ++client) {
    threads.emplace_back([&, client] {
      Connection& connection = connections[static_cast<std::size_t>(client)];
      auto before = start;
      for (int i = 0; before - start < time; ++i) {
        work(connection, client, i);
        const auto now = SteadyClock::now();
        took[static_cast<std::size_t>(client)].push_back(
            std::chrono::duration<double, std::milli>(now - before).count());
        before = now;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  Round round;
  round.seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  for (const auto& one : took) round.milliseconds.insert(round.milliseconds.end(), one.begin(), one.end());
  std::sort(round.milliseconds.begin(), round.milliseconds.end());
  return round;
}

std::string ActorsPath(const std::string& namespace_) {
  return "/apis/asya.sh/v1alpha1/namespaces/" + namespace_ + "/asyncactors";
}

std::string ActorJson(const std::string& name) {
  return R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":")" + name +
         R"(","labels":{"team":"documents","stage":"bench"},"annotations":{"example.com/owner":"a@example.com"}},)"
         R"("spec":{"image":"ghcr.io/example/infer:1.4.2","handler":"handlers.infer.run","concurrency":4,)"
         R"("env":[{"name":"MODEL","value":"small"},{"name":"BATCH","value":"8"}],)"
         R"("resources":{"requests":{"cpu":"500m","memory":"1Gi"},"limits":{"memory":"2Gi"}},)"
         R"("scaling":{"minReplicaCount":0,"maxReplicaCount":20,"queueLength":5,"cooldownPeriod":300}}})";
}

void MakeNamespace(const ApiUnderTest& api, const std::string& name) {
  Connection connection = ConnectTo(api);
  connection.Call("POST", "/api/v1/namespaces",
                  R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":")" + name + R"("}})");
}

void FillNamespace(const ApiUnderTest& api, const std::string& namespace_) {
  std::vector<std::thread> threads;
  for (int client = 0; client < kFillers; ++client) {
    threads.emplace_back([&, client] {
      Connection connection = ConnectTo(api);
      for (int i = client; i < kActors; i += kFillers) {
        connection.Call("POST", ActorsPath(namespace_), ActorJson("n" + std::to_string(i)));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

void MeasureRequests(const ApiUnderTest& api) {
  MeasureCreates(api, 1, "creates, 1 client");
  MeasureCreates(api, 16, "creates, 16 clients");
  MakeNamespace(api, "list");
  FillNamespace(api, "list");
  MeasureGets(api, 1, "gets, 1 client");
  MeasureGets(api, 16, "gets, 16 clients");
  MeasureList(api, "", "list of 10,000");
  MeasureList(api, "?limit=500", "page of 500 of 10,000");
}

void Row(const std::string& name, const std::string& what, std::vector<double> values, const char* unit) {
  std::sort(values.begin(), values.end());
  std::printf("%-14s %-28s %12.1f  (%.1f - %.1f) %s\n", name.c_str(), what.c_str(), values[values.size() / 2],
              values.front(), values.back(), unit);
  std::fflush(stdout);
}

}  // namespace asya::bench
