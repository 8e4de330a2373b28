// Request, Response and Responder: an HTTP exchange as handlers see it, whatever library carries it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"

namespace asya::http {

// Names compare without case. Several fields of a name keep their order.
class Headers {
 public:
  [[nodiscard]] std::optional<std::string> Get(std::string_view name) const;  // the first
  void Set(std::string_view name, std::string value);                         // replaces all of that name
  void Add(std::string_view name, std::string value);
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Of a peer that has proved to hold the key of a certificate which one of the server's CAs for clients has signed.
struct ClientCertificate {
  std::string common_name;  // the last of the subject; empty where it has none
  std::vector<std::string> organizations;
  WallTime not_after;  // verified when the connection began; a connection may outlive it
  // By which of the server's ClientAuthorities it verifies; at least one.
  bool of_user = false;
  bool of_front_proxy = false;
};

struct Request {
  std::string method;  // upper case
  std::string path;    // decoded of percent escapes per segment by the router; here as it came, without query
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  Headers headers;
  std::string body;
  std::string peer;                                             // for logs
  bool secure = false;                                          // came over TLS
  bool body_pending = false;                                    // there is one that has not been read: see WithBody
  std::shared_ptr<const ClientCertificate> client_certificate;  // verified; null without one
  bool in_group = false;  // asked for below an API group, by a path that another one stands for in `path`
  // Path parameters of the matched route, decoded.
  std::map<std::string, std::string, std::less<>> parameters;

  [[nodiscard]] std::optional<std::string> Query(std::string_view name) const;  // the first
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  Headers headers;
  // What comes after `body`, piece by piece until an empty one: of an answer that is better sent while it is made.
  // Called on a thread of the server, when the piece before has been taken by the network.
  std::function<std::string()> more{};
};

// An open streaming response (watch, SSE). Thread safe; never blocks.
class Stream {
 public:
  virtual ~Stream() = default;
  // Queues bytes, however many. False when the peer is gone or as much as the server's stream buffer limit was waiting
  // already: the stream is then closed for good.
  [[nodiscard]] virtual bool Write(std::string bytes) = 0;
  // Ends the response cleanly after what is queued.
  virtual void Close() = 0;
  // Called once (any thread) when the peer is gone or the stream ended. Called at once if that is so already.
  virtual void OnClosed(std::function<void()> callback) = 0;
  // Calls once (any thread) when at most `bytes` are waiting to be sent, or the stream is closed; at once if that is so
  // already. For a writer that has more than the limit to send and would rather wait than be cut off.
  virtual void OnDrained(std::size_t /*bytes*/, std::function<void()> callback) { callback(); }
};

class Responder;
using Handler = std::function<void(Request, Responder)>;

// The one answer to a request; move-only; may be used from any thread. Destroyed unused, it answers 500.
class Responder {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void Send(Response response) = 0;
    virtual std::shared_ptr<Stream> StartStream(Response head) = 0;
    virtual void OnPeerGone(std::function<void()> /*callback*/) {}
    virtual void ReadBody(Request request, Handler next);  // answers 500 where nothing can be read
  };
  explicit Responder(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}
  Responder(Responder&&) = default;
  Responder& operator=(Responder&&) = default;
  ~Responder() {
    if (sink_) sink_->Send(Response{500, "{\"title\":\"no answer\",\"status\":500}", "application/problem+json", {}});
  }
  void Send(Response response) { std::exchange(sink_, nullptr)->Send(std::move(response)); }
  // Sends the head (its body, if any, first) and keeps the response open, chunked.
  std::shared_ptr<Stream> StartStream(Response head) {
    return std::exchange(sink_, nullptr)->StartStream(std::move(head));
  }
  // For a request whose body is pending: reads it and calls `next` with both, on an I/O thread; where it does not come,
  // or is too large, that is answered. Who is answered without it is parted from.
  void ReadBody(Request request, Handler next) {
    std::exchange(sink_, nullptr)->ReadBody(std::move(request), std::move(next));
  }
  // Before the answer: `callback` runs at most once, on any thread, when the peer hangs up while it waits. The answer
  // may still be given; nobody reads it. One callback a request.
  void OnPeerGone(std::function<void()> callback) { sink_->OnPeerGone(std::move(callback)); }

 private:
  std::unique_ptr<Sink> sink_;
};

// Calls `next` with the whole request: at once where nothing of it is pending.
Handler WithBody(Handler next);

}  // namespace asya::http
