// LineFeed: follows a GET whose answer never ends, and connects again for ever with backoff.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/random.h"
#include "relay/http_reply.h"
#include "relay/peer.h"
#include "relay/wire.h"

namespace asya::relay {

class LineFeed {
 public:
  struct Source {
    Peer peer;
    std::string target;  // e.g. "/healthz/watch"
    std::chrono::milliseconds first_pause{5};
    std::chrono::milliseconds longest_pause{1000};
    std::chrono::milliseconds silence_limit{0};  // after which the peer is taken for gone; 0: it may be silent
  };
  class Reader {
   public:
    virtual ~Reader() = default;
    // A piece of the body; an error ends this connection.
    virtual Status OnBody(std::string_view piece) = 0;
    // Each end of a connection and each that could not be made; what was read before starts anew.
    virtual void OnDisconnected(const std::string& reason) = 0;
  };

  LineFeed(Reactor& reactor, Source source, Reader& reader, Random& random);
  ~LineFeed();
  LineFeed(const LineFeed&) = delete;
  LineFeed& operator=(const LineFeed&) = delete;
  void Start();

 private:
  void Opened();
  void TakeData(std::string_view bytes);
  void Listen();
  void Lost(const std::string& reason);

  Reactor& reactor_;
  Source source_;
  Reader& reader_;
  Random& random_;
  Timer timer_;
  Timer silence_timer_;
  std::unique_ptr<Wire> wire_;
  std::unique_ptr<HttpReply> parser_;
  std::chrono::milliseconds pause_;
};

}  // namespace asya::relay
