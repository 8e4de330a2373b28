#include "relay/wire.h"

#include <utility>

#include "core/http/tls_pipe.h"

namespace asya::relay {

// Kept alive by the callback that runs, so that the wire may be destroyed from within it.
struct Wire::State : std::enable_shared_from_this<Wire::State> {
  Events events;
  Target target;
  std::unique_ptr<Connecting> connecting;
  std::unique_ptr<Stream> stream;
  std::unique_ptr<http::TlsPipe> tls;
  bool opened = false;
  bool closed = false;

  void Connect(Reactor& reactor, std::chrono::milliseconds timeout) {
    connecting = std::make_unique<Connecting>(
        reactor, target.address, timeout,
        [self = shared_from_this()](Result<std::unique_ptr<Stream>> connected) {
          if (!self->closed) self->Connected(std::move(connected));
        },
        target.check);
  }

  void Connected(Result<std::unique_ptr<Stream>> connected) {
    if (!connected.ok()) {
      End(connected.error());
      return;
    }
    stream = std::move(*connected);
    stream->Read([self = shared_from_this()](std::string_view bytes) { self->Take(bytes); },
                 [self = shared_from_this()](const Status& status) { self->End(status); });
    if (target.tls) {
      auto pipe = http::TlsPipe::Create(target.address.host, target.ca_pem);
      if (!pipe.ok()) {
        End(pipe.error());
        return;
      }
      tls = std::move(*pipe);
      stream->Write(tls->TakeCipher());
    } else {
      opened = true;
      events.on_open();
    }
  }

  void Take(std::string_view bytes) {
    if (closed) return;
    if (tls == nullptr) {
      events.on_data(bytes);
      return;
    }
    std::string plain;
    const Status received = tls->Receive(bytes, plain);
    if (std::string cipher = tls->TakeCipher(); !cipher.empty()) stream->Write(std::move(cipher));
    if (!opened && tls->shaken()) {
      opened = true;
      events.on_open();
    }
    if (!closed && !plain.empty()) events.on_data(plain);
    if (closed || received.ok()) return;
    End(received.error().code == ErrorCode::kClosed ? Ok() : received);
  }

  void End(const Status& status) {
    if (std::exchange(closed, true)) return;
    // A reply that ends with the connection has to end TLS too; else it may have been cut.
    const bool cut = status.ok() && tls != nullptr && stream != nullptr && !tls->ended();
    events.on_end(cut ? Status(Fail(ErrorCode::kClosed, "the connection ended without the end of TLS")) : status);
  }
};

Wire::Wire(Reactor& reactor, Target target, std::chrono::milliseconds connect_timeout, Events events)
    : state_(std::make_shared<State>()) {
  state_->events = std::move(events);
  state_->target = std::move(target);
  state_->Connect(reactor, connect_timeout);
}

Wire::~Wire() {
  state_->closed = true;
  state_->connecting.reset();
  state_->stream.reset();
}

void Wire::Write(std::string_view bytes) {
  if (state_->closed || state_->stream == nullptr) return;
  if (state_->tls == nullptr) {
    state_->stream->Write(bytes);
    return;
  }
  // A failure shows when the peer is heard of next, or by the time of the call.
  if (state_->tls->Send(bytes).ok()) state_->stream->Write(state_->tls->TakeCipher());
}

bool Wire::opened() const { return state_->opened; }

bool Wire::alive() const { return !state_->closed && state_->stream != nullptr && state_->stream->open(); }

}  // namespace asya::relay
