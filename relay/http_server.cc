#include "relay/http_server.h"

#include <utility>

namespace asya::relay {
namespace {

constexpr std::chrono::seconds kRequestTimeout{5};
constexpr int kBadRequest = 400;

const char* Phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Status";
  }
}

}  // namespace

struct HttpServer::Connection {
  Connection(std::unique_ptr<Stream> accepted, Reactor& reactor) : stream(std::move(accepted)), timer(reactor) {}
  std::unique_ptr<Stream> stream;
  Timer timer;
  std::string head;
  bool asked = false;
};

Result<std::unique_ptr<HttpServer>> HttpServer::Open(Reactor& reactor, const Address& address, Handler handler) {
  std::unique_ptr<HttpServer> server(new HttpServer(reactor, std::move(handler)));
  ASYA_TRY(server->listener_, Listener::Open(reactor, address, [self = server.get()](std::unique_ptr<Stream> stream) {
             self->Take(std::move(stream));
           }));
  return server;
}

HttpServer::HttpServer(Reactor& reactor, Handler handler) : reactor_(reactor), handler_(std::move(handler)) {}
HttpServer::~HttpServer() { *alive_ = false; }

void HttpServer::Take(std::unique_ptr<Stream> stream) {
  if (connections_.size() >= kConnectionLimit) return;
  const std::uint64_t number = next_number_++;
  Connection& connection =
      *connections_.emplace(number, std::make_unique<Connection>(std::move(stream), reactor_)).first->second;
  connection.timer.After(kRequestTimeout, [this, number] { connections_.erase(number); });
  connection.stream->Read([this, number](std::string_view bytes) { TakeData(number, bytes); },
                          [this, number](const Status&) { connections_.erase(number); });
}

void HttpServer::TakeData(std::uint64_t number, std::string_view bytes) {
  Connection& connection = *connections_.at(number);
  if (connection.asked) return;
  connection.head.append(bytes);
  const std::size_t end = connection.head.find("\r\n\r\n");
  if (end == std::string::npos && connection.head.size() <= kHeadLimitBytes) return;
  connection.asked = true;
  connection.timer.Cancel();
  const std::string line = connection.head.substr(0, connection.head.find("\r\n"));
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first + 1);
  if (end == std::string::npos || first == std::string::npos || second == std::string::npos) {
    Send(number, {kBadRequest, "text/plain", "not an HTTP request\n"});
    return;
  }
  handler_(line.substr(0, first), line.substr(first + 1, second - first - 1),
           [this, number, alive = alive_](const Answer& answer) {
             if (*alive) Send(number, answer);
           });
}

void HttpServer::Send(std::uint64_t number, const Answer& answer) {
  const auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  std::string reply = "HTTP/1.1 " + std::to_string(answer.status) + " " + Phrase(answer.status) +
                      "\r\nContent-Type: " + answer.content_type +
                      "\r\nConnection: close\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" +
                      answer.body;
  connection.timer.After(kRequestTimeout, [this, number] { connections_.erase(number); });
  connection.stream->Write(std::move(reply));
  connection.stream->CloseAfterWrites();
}

}  // namespace asya::relay
