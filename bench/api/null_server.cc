// A TLS server that answers everything with the same object of 1 KiB: what is left is the client's own ceiling.
//   bench_null_server CERTIFICATE KEY FOLDER     its address stands in FOLDER/address; runs until SIGTERM
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "core/http/server.h"
#include "core/observe/log.h"

namespace asya::bench {
namespace {

constexpr std::size_t kAnswerBytes = 1024;
constexpr std::chrono::milliseconds kGrace{100};

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Status Serve(const char* certificate, const char* key, const std::string& folder) {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  http::Listen listen;
  listen.tcp = {"127.0.0.1", 0};
  listen.tls = http::TlsIdentity{ReadFile(certificate), ReadFile(key)};
  listen.tls_only = true;
  const std::string body = R"({"text":")" + std::string(kAnswerBytes, 'x') + R"("})";
  ASYA_TRY(const auto server, http::Server::Create(
                                  std::move(listen), {},
                                  [&body](http::Request /*request*/, http::Responder responder) {
                                    responder.Send({200, body, "application/json", {}});
                                  },
                                  observe::Logger::ToStderr("bench", observe::Level::kWarning), nullptr));
  server->Start();
  std::ofstream(folder + "/address.part") << server->address();
  std::filesystem::rename(folder + "/address.part", folder + "/address");
  int signal = 0;
  ::sigwait(&signals, &signal);
  server->Stop(kGrace);
  return Ok();
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) {
  if (count != 4) {
    std::fprintf(stderr, "usage: bench_null_server CERTIFICATE KEY FOLDER\n");
    return 2;
  }
  const auto served = asya::bench::Serve(words[1], words[2], words[3]);
  if (served.ok()) return 0;
  std::fprintf(stderr, "%s\n", served.error().message.c_str());
  return 1;
}
