// The Pistache half of the comparison: GET / answers 512 bytes, GET /watch streams lines from another thread.
#include <pistache/endpoint.h>

#include <chrono>
#include <memory>
#include <thread>

#include "servers.h"

namespace {

class Handler : public Pistache::Http::Handler {
 public:
  HTTP_PROTOTYPE(Handler)
  void onRequest(const Pistache::Http::Request& request, Pistache::Http::ResponseWriter response) override {
    if (request.resource() != "/watch") {
      response.send(Pistache::Http::Code::Ok, Body());
      return;
    }
    auto stream = std::make_shared<Pistache::Http::ResponseStream>(response.stream(Pistache::Http::Code::Ok));
    InBackground([stream] {
      for (int line = 0; line < kWatchLines; ++line) {
        *stream << "line\n" << Pistache::Http::flush;
        std::this_thread::sleep_for(std::chrono::milliseconds(kWatchEveryMs));
      }
      stream->ends();
    });
  }
};

}  // namespace

void ServePistache(int port, int threads) {
  Pistache::Http::Endpoint endpoint(
      Pistache::Address(Pistache::Ipv4::loopback(), Pistache::Port(static_cast<uint16_t>(port))));
  endpoint.init(Pistache::Http::Endpoint::options().threads(threads).maxRequestSize(1 << 20).flags(
      Pistache::Tcp::Options::ReuseAddr));
  endpoint.setHandler(Pistache::Http::make_handler<Handler>());
  endpoint.serve();
}
