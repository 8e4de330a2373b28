#include "core/http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "core/http/connection.h"

namespace asya::http {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
constexpr std::chrono::milliseconds kAcceptPause{50};  // after an error such as "too many open files"

std::string PeerName(const Protocol::endpoint& endpoint) {
  char text[INET6_ADDRSTRLEN] = "";
  const auto* address = static_cast<const sockaddr*>(endpoint.data());
  if (address->sa_family == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address);
    inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(in->sin_port));
  }
  if (address->sa_family == AF_INET6) {
    const auto* in = reinterpret_cast<const sockaddr_in6*>(address);
    inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(in->sin6_port));
  }
  return "unix";
}

Error BindError(const std::string& address, const error_code& error) {
  if (error == asio::error::address_in_use) {
    return Fail(ErrorCode::kExists, "address " + address + " is in use by another process");
  }
  return Fail(ErrorCode::kUnavailable, "cannot listen on " + address + ": " + error.message());
}

// A socket file that nobody listens on is left over from a process that was killed.
Status RemoveStaleSocket(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return Ok();
  if (!S_ISSOCK(info.st_mode)) return Fail(ErrorCode::kExists, path + " exists and is no socket");
  asio::io_context io;
  asio::local::stream_protocol::socket probe(io);
  error_code error;
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  if (!error) return Fail(ErrorCode::kExists, "socket " + path + " is in use by another process");
  ::unlink(path.c_str());
  return Ok();
}

class BeastServer final : public Server {
 public:
  BeastServer(std::shared_ptr<ServerContext> context, std::vector<std::shared_ptr<Loop>> loops)
      : context_(std::move(context)), loops_(std::move(loops)), acceptor_(loops_[0]->io), pause_(loops_[0]->io) {
    context_->on_connection_closed = [this] { OneLess(); };
  }
  ~BeastServer() override {
    Stop(std::chrono::milliseconds(0));
    if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  }
  BeastServer(const BeastServer&) = delete;
  BeastServer& operator=(const BeastServer&) = delete;

  Status BindTcp(const std::string& address, std::uint16_t port);
  Status BindUnix(const std::string& path);

  [[nodiscard]] std::string address() const override { return address_; }
  void Start() override;
  Status ReplaceTls(const TlsIdentity& identity, const ClientAuthorities& client_authorities) override {
    return context_->tls.Replace(identity, client_authorities);
  }
  void Stop(std::chrono::milliseconds grace) override;

 private:
  void Accept();
  void Accepted(error_code error, Socket socket, const std::shared_ptr<Loop>& loop);
  void OneLess();
  bool WaitForNoConnections(std::chrono::milliseconds limit);

  std::shared_ptr<ServerContext> context_;
  std::vector<std::shared_ptr<Loop>> loops_;
  Acceptor acceptor_;
  asio::steady_timer pause_;
  Protocol::endpoint peer_;
  std::string address_;
  std::string unix_path_;
  std::size_t next_loop_ = 0;
  bool started_ = false;
  bool stopped_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t connections_ = 0;
  bool accept_waits_ = false;  // for a connection to end
};

Status BeastServer::BindTcp(const std::string& address, std::uint16_t port) {
  error_code error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) return Invalid("listen.address", "\"" + address + "\" is no IP address");
  const std::string name = address + ":" + std::to_string(port);
  const asio::ip::tcp::endpoint endpoint(ip, port);
  acceptor_.open(Protocol(endpoint.protocol().family(), IPPROTO_TCP), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(Protocol::endpoint(endpoint), error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return BindError(name, error);
  address_ = PeerName(acceptor_.local_endpoint());
  return Ok();
}

Status BeastServer::BindUnix(const std::string& path) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Invalid("listen.unix", "a socket path has 1 to " + std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                                      " bytes; \"" + path + "\" has " + std::to_string(path.size()));
  }
  ASYA_TRY_STATUS(RemoveStaleSocket(path));
  error_code error;
  acceptor_.open(Protocol(AF_UNIX, 0), error);
  if (!error) acceptor_.bind(Protocol::endpoint(asio::local::stream_protocol::endpoint(path)), error);
  if (error) return BindError(path, error);
  unix_path_ = path;
  // Before listen(): nobody can connect in between.
  ::chmod(path.c_str(), S_IRUSR | S_IWUSR);
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return BindError(path, error);
  address_ = path;
  return Ok();
}

void BeastServer::Start() {
  if (std::exchange(started_, true)) return;
  for (const auto& loop : loops_) loop->Start();
  loops_[0]->Post([this] { Accept(); });
}

void BeastServer::Accept() {
  if (!acceptor_.is_open()) return;
  {
    const std::lock_guard lock(mutex_);
    accept_waits_ = connections_ >= context_->limits.connections;
    if (accept_waits_) return;
  }
  const std::shared_ptr<Loop> loop = loops_[next_loop_++ % loops_.size()];
  acceptor_.async_accept(loop->io, peer_,
                         [this, loop](error_code error, Socket socket) { Accepted(error, std::move(socket), loop); });
}

void BeastServer::Accepted(error_code error, Socket socket, const std::shared_ptr<Loop>& loop) {
  if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
  if (error) {
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](error_code cancelled) {
      if (!cancelled) Accept();
    });
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    ++connections_;
  }
  context_->metrics.ConnectionOpened();
  if (unix_path_.empty()) {
    error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
  }
  const auto connection = std::make_shared<Connection>(loop, context_, std::move(socket), PeerName(peer_));
  loop->Run([loop, connection] {
    loop->connections.insert(connection);
    connection->Start();
  });
  Accept();
}

void BeastServer::OneLess() {
  bool resume = false;
  {
    const std::lock_guard lock(mutex_);
    --connections_;
    resume = std::exchange(accept_waits_, false);
  }
  changed_.notify_all();
  if (resume) loops_[0]->Post([this] { Accept(); });
}

bool BeastServer::WaitForNoConnections(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return connections_ == 0; });
}

void BeastServer::Stop(std::chrono::milliseconds grace) {
  if (std::exchange(stopped_, true)) return;
  if (!started_) return;
  context_->stopping = true;
  loops_[0]->Post([this] {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  });
  for (const bool at_once : {false, true}) {
    for (const auto& loop : loops_) {
      loop->Post([loop, at_once, quiet = std::min(grace / 4, context_->limits.stop_quiet)] {
        const auto connections = loop->connections;
        for (const auto& connection : connections) at_once ? connection->Abort() : connection->Shutdown(quiet);
      });
    }
    if (!at_once && WaitForNoConnections(grace)) break;
  }
  for (const auto& loop : loops_) loop->Close();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Create(Listen listen, ServerLimits limits, Handler handler,
                                               observe::Logger logger, observe::Metrics* metrics) {
  if (listen.tcp.has_value() == listen.unix_path.has_value()) {
    return Invalid("listen", "give either an address or a socket path");
  }
  auto context = std::make_shared<ServerContext>(limits, std::move(handler), std::move(logger));
  if (metrics != nullptr) context->metrics = ServerMetrics(*metrics, listen.tcp ? "tcp" : "unix");
  context->tls_only = listen.tls_only;
  context->heads_first = listen.heads_first;
  if (listen.tls) {
    ASYA_TRY_STATUS(context->tls.Replace(*listen.tls, listen.client_authorities));
  }
  std::vector<std::shared_ptr<Loop>> loops;
  for (std::size_t i = 0; i < std::max<std::size_t>(limits.io_threads, 1); ++i)
    loops.push_back(std::make_shared<Loop>());
  auto server = std::make_unique<BeastServer>(std::move(context), std::move(loops));
  ASYA_TRY_STATUS(listen.tcp ? server->BindTcp(listen.tcp->first, listen.tcp->second)
                             : server->BindUnix(*listen.unix_path));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace asya::http
