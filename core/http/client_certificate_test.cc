#include <gtest/gtest.h>

#include "core/http/test_certificates.h"
#include "core/http/test_server.h"

namespace asya::http {
namespace {

using Subject = std::vector<std::pair<std::string, std::string>>;

// Who the server takes its peer for: "name (group group)", perhaps "as a proxy", or "nobody".
void WhoAmI(const Request& request, Responder responder) {
  if (!request.client_certificate) return responder.Send(Plain("nobody"));
  std::string groups;
  for (const std::string& group : request.client_certificate->organizations)
    groups += (groups.empty() ? "" : " ") + group;
  const std::string kind = !request.client_certificate->of_front_proxy ? ""
                           : request.client_certificate->of_user       ? " or as a proxy"
                                                                       : " as a proxy";
  responder.Send(Plain(request.client_certificate->common_name + " (" + groups + ")" + kind));
}

class ClientCertificates : public testing::Test {
 protected:
  ClientCertificates() {
    Listen listen;
    listen.tcp = {"127.0.0.1", 0};
    listen.tls = identity_;
    listen.client_authorities = {authority_.pem()};
    server_ = Server::Create(listen, {}, WhoAmI, observe::Logger::Silent(), nullptr).value();
    server_->Start();
  }

  ClientRequest RequestOf(const TlsIdentity& who) const {
    ClientRequest request;
    request.url = "https://" + server_->address() + "/";
    request.ca_pem = identity_.certificate_pem;
    request.certificate_pem = who.certificate_pem;
    request.key_pem = who.key_pem;
    return request;
  }
  [[nodiscard]] std::string Ask(const TlsIdentity& who) const {
    const auto answer = Client().Call(RequestOf(who));
    return answer.ok() ? answer->body : answer.error().message;
  }

  const TlsIdentity identity_ = MakeSelfSigned("server", 1).value();
  const TestAuthority authority_{"clients"};
  std::unique_ptr<Server> server_;
};

TEST_F(ClientCertificates, TellWhoThePeerIs) {
  EXPECT_EQ(Ask(authority_.Sign({{"O", "vision"}, {"O", "speech"}, {"CN", "ada"}})), "ada (vision speech)");
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "first"}, {"CN", "jürgen"}})), "jürgen ()") << "the last name counts";
  EXPECT_EQ(Ask(authority_.Sign({{"O", "only a group"}})), " (only a group)");
}

TEST_F(ClientCertificates, ThatDoNotVerifyMakeAPeerOfNoName) {
  EXPECT_EQ(Ask({}), "nobody");
  EXPECT_EQ(Ask(TestAuthority("clients").Sign({{"CN", "mallory"}})), "nobody") << "a CA of the same name";
  EXPECT_EQ(Ask(MakeSelfSigned("mallory", 1).value()), "nobody");
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "ada"}}, -7200, -3600)), "nobody") << "it has expired";
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "ada"}}, 3600, 7200)), "nobody") << "it is not valid yet";
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "ada"}}, -60, 3600, "serverAuth")), "nobody") << "it is of a server";
  EXPECT_EQ(Ask(authority_.Sign({{"CN", std::string("ada\0mallory", 11)}})), "nobody");
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "ada\nlevel=info"}})), "nobody");
}

TEST_F(ClientCertificates, AreNotAskedForWithoutAuthorities) {
  const Running running = StartTcp(WhoAmI, {}, identity_);
  ClientRequest request = RequestOf(authority_.Sign({{"CN", "ada"}}));
  request.url = "https://127.0.0.1:" + std::to_string(running.port) + "/";
  EXPECT_EQ(Client().Call(request)->body, "nobody");
}

TEST_F(ClientCertificates, MayBeSignedByAnAuthorityThatAnotherHasSigned) {
  const TestAuthority between("between", &authority_);
  TlsIdentity ada = between.Sign({{"CN", "ada"}});
  EXPECT_EQ(Ask(ada), "nobody") << "the client leaves out what leads to the authority";
  ASSERT_TRUE(server_->ReplaceTls(identity_, {between.pem()}).ok());
  EXPECT_EQ(Ask(ada), "ada ()") << "no root is needed";
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "eve"}})), "nobody") << "the one above is not given";
  ASSERT_TRUE(server_->ReplaceTls(identity_, {authority_.pem()}).ok());
  ada.certificate_pem += between.pem();
  EXPECT_EQ(Ask(ada), "ada ()");
  const TlsIdentity eve = authority_.Sign({{"CN", "eve"}});
  EXPECT_EQ(Ask(eve), "eve ()");
}

TEST_F(ClientCertificates, AreJudgedByNewAuthoritiesAlsoOnOpenConnections) {
  const TestAuthority next("next");
  Client kept;
  const ClientRequest before = RequestOf(authority_.Sign({{"CN", "ada"}}));
  EXPECT_EQ(kept.Call(before)->body, "ada ()");
  ASSERT_TRUE(server_->ReplaceTls(identity_, {next.pem()}).ok());
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "ada"}})), "nobody");
  EXPECT_EQ(Ask(next.Sign({{"CN", "ada"}})), "ada ()");
  EXPECT_EQ(kept.Call(before)->body, "nobody") << "an open connection goes on, but nobody vouches for it";
  ASSERT_TRUE(server_->ReplaceTls(identity_, {authority_.pem() + next.pem()}).ok());
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "ada"}})), "ada ()");
  EXPECT_EQ(Ask(next.Sign({{"CN", "eve"}})), "eve ()");
  EXPECT_EQ(kept.Call(before)->body, "ada ()") << "it is known again";
}

TEST_F(ClientCertificates, AreAskedForBeforeTheAuthoritiesAreKnown) {
  Listen listen;
  listen.tcp = {"127.0.0.1", 0};
  listen.tls = identity_;
  listen.client_authorities.expected = true;
  const auto server = Server::Create(listen, {}, WhoAmI, observe::Logger::Silent(), nullptr).value();
  server->Start();
  ClientRequest request = RequestOf(authority_.Sign({{"CN", "ada"}}));
  request.url = "https://" + server->address() + "/";
  Client kept;
  EXPECT_EQ(kept.Call(request)->body, "nobody");
  ASSERT_TRUE(server->ReplaceTls(identity_, {authority_.pem()}).ok());
  EXPECT_EQ(kept.Call(request)->body, "ada ()") << "of the connection that was there before";
}

TEST_F(ClientCertificates, OfFrontProxiesAreNotThoseOfUsers) {
  const TestAuthority proxies("proxies");
  ASSERT_TRUE(server_->ReplaceTls(identity_, {authority_.pem(), proxies.pem()}).ok());
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "proxy"}})), "proxy ()");
  EXPECT_EQ(Ask(proxies.Sign({{"CN", "proxy"}})), "proxy () as a proxy");
  EXPECT_EQ(Ask(proxies.Sign({{"CN", "proxy"}}, -7200, -3600)), "nobody");
  ASSERT_TRUE(server_->ReplaceTls(identity_, {authority_.pem(), authority_.pem()}).ok());
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "both"}})), "both () or as a proxy");
  ASSERT_TRUE(server_->ReplaceTls(identity_, {"", proxies.pem()}).ok());
  EXPECT_EQ(Ask(authority_.Sign({{"CN", "ada"}})), "nobody");
  EXPECT_EQ(Ask(proxies.Sign({{"CN", "proxy"}})), "proxy () as a proxy");
}

TEST_F(ClientCertificates, AServersOwnIsReplacedAndABrokenOneIsNot) {
  const TlsIdentity next = MakeSelfSigned("next", 1).value();
  const auto refused = [this](const TlsIdentity& identity, const std::string& ca) {
    const Status replaced = server_->ReplaceTls(identity, {ca});
    return replaced.ok() ? "" : replaced.error().field;
  };
  EXPECT_EQ(refused({next.certificate_pem, identity_.key_pem}, ""), "tls.key");
  EXPECT_EQ(refused({next.certificate_pem.substr(0, 90), next.key_pem}, ""), "tls.certificate");
  EXPECT_EQ(refused({"", ""}, ""), "tls.certificate");
  EXPECT_EQ(refused(next, "no pem"), "tls.client_ca");
  EXPECT_EQ(refused(next, authority_.pem() + authority_.pem().substr(0, 90)), "tls.client_ca");
  EXPECT_EQ(Ask({}), "nobody") << "nothing has changed";
  ASSERT_TRUE(server_->ReplaceTls(next, {}).ok());
  ClientRequest request = RequestOf({});
  EXPECT_FALSE(Client().Call(request).ok());
  request.ca_pem = next.certificate_pem;
  EXPECT_TRUE(Client().Call(request).ok());
}

}  // namespace
}  // namespace asya::http
