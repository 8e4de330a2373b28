#include "relay/peer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "core/http/server.h"
#include "core/observe/log.h"
#include "relay/http_client.h"
#include "tests/support/temporary_folder.h"

namespace asya::relay {
namespace {

// A server with TLS, and what a relay knows of it.
class PeerTest : public ::testing::Test {
 protected:
  PeerTest() {
    const http::TlsIdentity identity = *http::MakeSelfSigned("localhost", 1);
    http::Listen listen;
    listen.tcp = {"127.0.0.1", 0};
    listen.tls = identity;
    listen.tls_only = true;
    server_ = http::Server::Create(
                  listen, {},
                  [](const http::Request& request, http::Responder responder) {
                    responder.Send({200, request.headers.Get("Authorization").value_or("nobody"), "text/plain", {}});
                  },
                  observe::Logger::Silent(), nullptr)
                  .value();
    server_->Start();
    const std::string address = server_->address();
    peer_ = *ParsePeer("https://localhost:" + address.substr(address.rfind(':') + 1));
    peer_.ca_file = folder_.path() + "/ca.crt";
    peer_.token_file = folder_.path() + "/token";
    Write(peer_.ca_file, identity.certificate_pem);
    Write(peer_.token_file, "one\n");
    client_ = std::make_unique<HttpClient>(reactor_, peer_);
  }
  ~PeerTest() override {
    client_.reset();
    server_->Stop(std::chrono::seconds(1));
  }

  static void Write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  }

  // What the server said, or why it was not asked.
  std::string Ask() {
    std::string said;
    client_->Send("GET", "/", "", std::chrono::seconds(20), [&](const Result<HttpClient::Reply>& reply) {
      said = reply.ok() ? reply->body : reply.error().message;
      reactor_.Stop();
    });
    EXPECT_EQ(said, "") << "never from within Send";
    reactor_.Run();
    return said;
  }

  const tests::TemporaryFolder folder_;
  std::unique_ptr<http::Server> server_;
  Reactor reactor_;
  Peer peer_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(PeerTest, IsToldByTokenWhoAsks) { EXPECT_EQ(Ask(), "Bearer one"); }

TEST_F(PeerTest, IsShownNoTokenThatIsNotThere) {
  Write(peer_.token_file, "");
  EXPECT_EQ(Ask(), "nobody");
}

TEST_F(PeerTest, IsNotAskedWhereItsCertificateIsNotTrusted) {
  Write(peer_.ca_file, http::MakeSelfSigned("other", 1)->certificate_pem);
  EXPECT_NE(Ask().find("not trusted"), std::string::npos);
}

TEST_F(PeerTest, IsNotAskedWithoutTheFileOfItsCa) {
  Write(peer_.ca_file, "");
  EXPECT_NE(Ask().find("ca.crt cannot be read"), std::string::npos);
}

TEST(Peer, AFileThatIsExchangedCountsAtOnce) {
  const tests::TemporaryFolder folder;
  Peer peer;
  peer.tls = true;
  peer.ca_file = folder.path() + "/ca.crt";
  peer.token_file = folder.path() + "/token";
  for (const std::string now : {"one", "two"}) {
    std::ofstream(peer.ca_file) << now;
    std::ofstream(peer.token_file) << now;
    EXPECT_EQ(TargetOf(peer)->ca_pem, now);
    EXPECT_EQ(AuthorizationOf(peer), "Authorization: Bearer " + now + "\r\n");
  }
}

TEST(Peer, UrlsAreReadWithTheirPorts) {
  EXPECT_FALSE(ParsePeer("http://gateway:80")->tls);
  EXPECT_FALSE(ParsePeer("unix:/run/gateway.sock")->tls);
  EXPECT_TRUE(ParsePeer("https://gateway")->tls);
  EXPECT_EQ(ParsePeer("https://gateway")->address.port, "443");
  EXPECT_EQ(ParsePeer("https://gateway/")->address.port, "443");
  EXPECT_EQ(ParsePeer("https://gateway:6444")->address.port, "6444");
  EXPECT_EQ(ParsePeer("https://[::1]:6444")->address.port, "6444");
  for (const char* wrong :
       {"https://", "https://user@gateway", "https://gateway/path", "ftp://gateway", "gateway:80"}) {
    EXPECT_FALSE(ParsePeer(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace asya::relay
