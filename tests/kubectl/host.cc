// Serves the Kubernetes API on a free loopback port with TLS and a token, from memory, until its standard input ends.
// Prints one line of JSON: {"url","ca","token"}.
#include <unistd.h>

#include <iostream>
#include <string>

#include "apiserver/api_server.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/http/server.h"
#include "core/json/value.h"
#include "core/observe/log.h"
#include "core/yaml/parse.h"
#include "storage/memory/object_store.h"

namespace asya {
namespace {

int Main() {
  constexpr std::chrono::milliseconds kGrace{2000};
  const observe::Logger logger = observe::Logger::ToStderr("kubectl-host", observe::Level::kInfo);
  storage::memory::ObjectStore store(RealClock());
  store.Start();
  Random random(SystemSeed());
  const std::string token = RandomHex(16);
  apiserver::ApiServer::Parts parts{store,   RealClock(),
                                    random,  logger,
                                    nullptr, apiserver::StaticToken(token, apiserver::User{"admin", {}}),
                                    {},      {},
                                    {},      [](std::string_view text) { return yaml::Parse(text); }};
  apiserver::ApiServer api(std::move(parts), {});
  if (!api.Start().ok()) return 1;
  http::Listen listen;
  listen.tcp = {"127.0.0.1", 0};
  listen.tls = http::MakeSelfSigned("asya test", 1).value();
  const std::string ca = listen.tls->certificate_pem;
  auto server = http::Server::Create(
                    std::move(listen), {},
                    [&api](http::Request request, http::Responder responder) {
                      api.Handle(std::move(request), std::move(responder));
                    },
                    logger, nullptr)
                    .value();
  server->Start();
  std::cout << json::Dump(json::Object{{"url", "https://" + server->address()}, {"ca", ca}, {"token", token}})
            << std::endl;
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  api.Stop();
  server->Stop(kGrace);
  return 0;
}

}  // namespace
}  // namespace asya

int main() { return asya::Main(); }
