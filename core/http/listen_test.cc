#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>

#include "core/base/random.h"
#include "core/http/test_server.h"

namespace asya::http {
namespace {

TEST(Server, ServesTlsAndPlainOnOnePort) {
  const TlsIdentity identity = MakeSelfSigned("asya local", 30).value();
  const Running running = StartTcp(
      [](const Request& request, Responder responder) { responder.Send(Plain(request.secure ? "tls" : "plain")); }, {},
      identity);
  EXPECT_EQ(Get(running.url)->body, "plain");
  Client client;
  ClientRequest request;
  request.url = "https://127.0.0.1:" + std::to_string(running.port) + "/";
  request.ca_pem = identity.certificate_pem;
  for (int i = 0; i < 2; ++i) {
    const auto response = client.Call(request);
    ASSERT_TRUE(response.ok()) << response.error().message;
    EXPECT_EQ(response->body, "tls");
  }
  request.url = "https://localhost:" + std::to_string(running.port) + "/";
  EXPECT_TRUE(client.Call(request).ok());
  request.ca_pem = MakeSelfSigned("somebody else", 30)->certificate_pem;
  EXPECT_EQ(Client().Call(request).error().code, ErrorCode::kUnavailable);
}

TEST(Server, LargeBodiesTravelOverTlsBothWays) {
  const TlsIdentity identity = MakeSelfSigned("asya local", 30).value();
  const Running running = StartTcp(
      [](Request request, Responder responder) { responder.Send(Plain(std::move(request.body))); }, {}, identity);
  ClientRequest request;
  request.method = "POST";
  request.url = "https://127.0.0.1:" + std::to_string(running.port) + "/";
  request.ca_pem = identity.certificate_pem;
  for (int i = 0; i < 300'000; ++i) request.body += std::to_string(i);
  Client client;
  const auto response = client.Call(request);
  ASSERT_TRUE(response.ok()) << response.error().message;
  EXPECT_TRUE(response->body == request.body);
}

TEST(Server, ATlsOnlyPortTellsAPlainClient) {
  const Running running = StartTcp(Echo, {}, MakeSelfSigned("x", 1).value(), nullptr, true);
  EXPECT_EQ(Get(running.url)->status, 400);
}

TEST(Server, RefusesACertificateThatIsNone) {
  Listen listen;
  listen.tcp = {"127.0.0.1", 0};
  listen.tls = TlsIdentity{"no", "pem"};
  const auto server = Server::Create(listen, {}, Echo, observe::Logger::Silent(), nullptr);
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.error().field, "tls.certificate");
}

class UnixServer : public testing::Test {
 protected:
  UnixServer() : folder_(std::filesystem::temp_directory_path() / ("asya-http-" + RandomHex(6))) {
    std::filesystem::create_directory(folder_);
  }
  ~UnixServer() override { std::filesystem::remove_all(folder_); }
  Result<std::unique_ptr<Server>> Create() {
    Listen listen;
    listen.unix_path = (folder_ / "s.sock").string();
    return Server::Create(listen, {}, Echo, observe::Logger::Silent(), nullptr);
  }
  std::filesystem::path folder_;
};

TEST_F(UnixServer, ServesItsOwnerAndRemovesItsSocket) {
  {
    auto server = Create().value();
    server->Start();
    struct stat info {};
    ASSERT_EQ(::stat(server->address().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    Client client;
    ClientRequest request;
    request.url = "http://localhost/x";
    request.unix_path = server->address();
    EXPECT_EQ(client.Call(request)->body, "GET /x ");
    const auto second = Create();
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::kExists);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "s.sock"));
}

TEST_F(UnixServer, TakesOverASocketFileThatNobodyServes) {
  const std::string path = (folder_ / "s.sock").string();
  {
    const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_TRUE(Create().ok());
}

TEST_F(UnixServer, RefusesAPathThatIsTooLong) {
  Listen listen;
  listen.unix_path = std::string(200, 'x');
  EXPECT_EQ(Server::Create(listen, {}, Echo, observe::Logger::Silent(), nullptr).error().code, ErrorCode::kInvalid);
}

TEST(Server, ABusyPortIsNamed) {
  const Running running = StartTcp(Echo);
  Listen listen;
  listen.tcp = {"127.0.0.1", running.port};
  const auto second = Server::Create(listen, {}, Echo, observe::Logger::Silent(), nullptr);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kExists);
  EXPECT_NE(second.error().message.find(std::to_string(running.port)), std::string::npos);
}

}  // namespace
}  // namespace asya::http
