#include "apiserver/access/oidc.h"

#include <gtest/gtest.h>

#include <atomic>

#include "core/http/test_server.h"
#include "core/http/test_web_key.h"
#include "core/json/parse.h"

namespace asya::apiserver {
namespace {

using http::TestWebKey;

const FakeClock kClock;  // 1,700,000,000 s
constexpr const char* kIssuer = "https://issuer.example";

OidcSettings Settings() {
  OidcSettings settings;
  settings.issuer_url = kIssuer;
  settings.client_id = "asya";
  settings.groups_claim = "groups";
  return settings;
}

// The claims of Ada with those of `more` in their place; null takes one away.
json::Value Claims(const std::string& more = "{}") {
  json::Value claims =
      json::Parse(R"({"iss":"https://issuer.example","aud":"asya","sub":"ada","exp":1700000100})").value();
  const json::Value changes = json::Parse(more).value();
  for (const auto& [name, value] : changes.AsObject()) {
    if (value.IsNull()) {
      claims.AsObject().erase(name);
    } else {
      claims[name] = value;
    }
  }
  return claims;
}

std::string NameIn(const std::string& more, const OidcSettings& settings = Settings()) {
  const auto user = UserOf(Claims(more), settings, kClock.Now());
  return user.ok() ? user->name : user.error().message;
}

TEST(OidcClaims, NameTheUserWithTheIssuersPrefix) {
  EXPECT_EQ(NameIn("{}"), "https://issuer.example#ada");
  OidcSettings settings = Settings();
  settings.username_prefix = "oidc:";
  EXPECT_EQ(NameIn("{}", settings), "oidc:ada");
  settings.username_prefix = "-";
  EXPECT_EQ(NameIn("{}", settings), "ada");
  settings.username_prefix = "";
  EXPECT_EQ(NameIn("{}", settings), "ada");
  settings.username_prefix.reset();
  settings.username_claim = "email";
  EXPECT_EQ(NameIn(R"({"email":"ada@example.com"})", settings), "ada@example.com");
  EXPECT_EQ(NameIn(R"({"email":"ada@example.com","email_verified":true})", settings), "ada@example.com");
  EXPECT_EQ(NameIn(R"({"email":"ada@example.com","email_verified":false})", settings),
            "the email address is not verified");
  EXPECT_EQ(NameIn(R"({"email":"ada@example.com","email_verified":"true"})", settings),
            "the email address is not verified");
}

TEST(OidcClaims, AreRefusedWithTheReason) {
  EXPECT_EQ(NameIn(R"({"iss":"https://issuer.example/"})"), "it is of another issuer");
  EXPECT_EQ(NameIn(R"({"iss":null})"), "it is of another issuer");
  EXPECT_EQ(NameIn(R"({"aud":"other"})"), "it is for another audience");
  EXPECT_EQ(NameIn(R"({"aud":["other"]})"), "it is for another audience");
  EXPECT_EQ(NameIn(R"({"aud":{"asya":1}})"), "it is for another audience");
  EXPECT_EQ(NameIn(R"({"aud":null})"), "it is for another audience");
  EXPECT_EQ(NameIn(R"({"aud":["other","asya"]})"), "https://issuer.example#ada");
  EXPECT_EQ(NameIn(R"({"exp":null})"), "exp is missing");
  EXPECT_EQ(NameIn(R"({"exp":"1700000100"})"), "exp is missing");
  EXPECT_EQ(NameIn(R"({"exp":1699999960})"), "it has expired");
  EXPECT_EQ(NameIn(R"({"exp":-1e300})"), "it has expired");
  EXPECT_EQ(NameIn(R"({"exp":1699999980})"), "https://issuer.example#ada") << "within the skew of clocks";
  EXPECT_EQ(NameIn(R"({"nbf":1700000060})"), "it is not valid yet");
  EXPECT_EQ(NameIn(R"({"nbf":1700000020.5})"), "https://issuer.example#ada");
  EXPECT_EQ(NameIn(R"({"nbf":"soon"})"), "nbf is no time");
  EXPECT_EQ(NameIn(R"({"sub":null})"), "the claim of the user name is missing");
  EXPECT_EQ(NameIn(R"({"sub":""})"), "the claim of the user name is missing");
  EXPECT_EQ(NameIn(R"({"sub":["ada"]})"), "the claim of the user name is missing");
  OidcSettings settings = Settings();
  settings.required_claims = {{"hd", "example.com"}};
  EXPECT_EQ(NameIn("{}", settings), "a required claim is missing or has another value");
  EXPECT_EQ(NameIn(R"({"hd":"example.org"})", settings), "a required claim is missing or has another value");
  EXPECT_EQ(NameIn(R"({"hd":"example.com"})", settings), "https://issuer.example#ada");
}

TEST(OidcClaims, GiveGroupsButNoneOfTheSystem) {
  const auto groups = [](const std::string& more, const std::string& prefix = "") {
    OidcSettings settings = Settings();
    settings.groups_prefix = prefix;
    const auto user = UserOf(Claims(more), settings, kClock.Now());
    return user.ok() ? user->groups : std::vector<std::string>{user.error().message};
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(groups(R"({"groups":["vision","speech"]})"), (Names{"vision", "speech"}));
  EXPECT_EQ(groups(R"({"groups":"vision"})"), Names{"vision"});
  EXPECT_EQ(groups(R"({"groups":["vision"]})", "oidc:"), Names{"oidc:vision"});
  EXPECT_EQ(groups("{}"), Names{});
  EXPECT_EQ(groups(R"({"groups":["system:masters","vision"]})"), Names{"vision"});
  EXPECT_EQ(groups(R"({"groups":["masters"]})", "system:"), Names{});
  EXPECT_EQ(groups(R"({"groups":[1]})")[0], "the claim of the groups is neither a name nor a list of names");
  OidcSettings settings = Settings();
  settings.username_prefix = "-";
  EXPECT_EQ(NameIn(R"({"sub":"system:admin"})", settings), "names that begin with system: are not an issuer's to give");
}

// An issuer on HTTPS whose keys can be exchanged.
class OidcTest : public testing::Test {
 protected:
  OidcTest() {
    http::Listen listen;
    listen.tcp = {"127.0.0.1", 0};
    listen.tls = identity_;
    server_ =
        http::Server::Create(
            listen, {},
            [this](const http::Request& request, http::Responder responder) { Answer(request, std::move(responder)); },
            observe::Logger::Silent(), nullptr)
            .value();
    server_->Start();
    settings_.issuer_url = "https://" + server_->address();
    settings_.client_id = "asya";
    settings_.username_prefix = "-";
    settings_.ca_pem = identity_.certificate_pem;
    issuer_.Put(settings_.issuer_url);
  }
  ~OidcTest() override { server_->Stop(std::chrono::milliseconds(0)); }

  void Answer(const http::Request& request, http::Responder responder) {
    if (request.path == "/.well-known/openid-configuration") {
      ++discoveries_;
      responder.Send(
          {200,
           R"({"issuer":")" + *issuer_.Get() + R"(","jwks_uri":")" + "https://" + server_->address() + "/keys\"}",
           "application/json",
           {}});
    } else {
      responder.Send({status_, *keys_.Get(), "application/json", {}});
    }
  }
  void Show(const std::string& jwks) { keys_.Put(R"({"keys":[)" + jwks + "]}"); }
  [[nodiscard]] std::string ClaimsOfAda() const {
    return R"({"iss":")" + settings_.issuer_url + R"(","aud":"asya","sub":"ada","exp":1700000100})";
  }
  static Identity Ask(const Authenticator& authenticate, const std::string& token) {
    http::Request request;
    request.headers.Set("Authorization", "Bearer " + token);
    return authenticate(request);
  }

  const http::TlsIdentity identity_ = http::MakeSelfSigned("issuer", 1).value();
  Current<std::string> keys_{""};
  Current<std::string> issuer_{""};
  std::atomic<int> status_ = 200;
  std::atomic<int> discoveries_ = 0;
  observe::Metrics metrics_;
  OidcSettings settings_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(OidcTest, TokensOfTheIssuerNameUsers) {
  const TestWebKey rsa(TestWebKey::Kind::kRsa, "one");
  const TestWebKey curve(TestWebKey::Kind::kP256, "two");
  Show(rsa.Jwk());
  const auto keys = std::make_shared<OidcKeys>(settings_, observe::Logger::Silent(), metrics_);
  const Authenticator authenticate = ByOidc(settings_, keys, kClock, observe::Logger::Silent());
  EXPECT_FALSE(Ask(authenticate, rsa.Token(ClaimsOfAda()))) << "no key has been fetched";
  ASSERT_TRUE(keys->Refresh().ok());
  EXPECT_EQ(Ask(authenticate, rsa.Token(ClaimsOfAda()))->name, "ada");
  EXPECT_FALSE(Ask(authenticate, curve.Token(ClaimsOfAda())));
  EXPECT_FALSE(Ask(authenticate, rsa.Token(R"({"iss":"https://other","aud":"asya","sub":"ada","exp":1700000100})")));
  EXPECT_FALSE(Ask(authenticate, "t0ken"));
  EXPECT_FALSE(Ask(authenticate, ""));
  Show(curve.Jwk());
  ASSERT_TRUE(keys->Refresh().ok());
  EXPECT_EQ(Ask(authenticate, curve.Token(ClaimsOfAda()))->name, "ada");
  EXPECT_FALSE(Ask(authenticate, rsa.Token(ClaimsOfAda()))) << "a key that was withdrawn";
}

TEST_F(OidcTest, AnIssuerThatIsBrokenChangesNothing) {
  const TestWebKey rsa(TestWebKey::Kind::kRsa);
  Show(rsa.Jwk());
  OidcKeys keys(settings_, observe::Logger::Silent(), metrics_);
  ASSERT_TRUE(keys.Refresh().ok());
  const auto refused = [&keys] {
    const Status refreshed = keys.Refresh();
    return refreshed.ok() ? "" : refreshed.error().message;
  };
  status_ = 500;
  EXPECT_NE(refused().find("answered 500"), std::string::npos);
  status_ = 200;
  keys_.Put("no json");
  EXPECT_NE(refused(), "");
  keys_.Put(std::string(OidcKeys::kAnswerBytesMax + 1, ' '));
  EXPECT_NE(refused().find("larger"), std::string::npos);
  issuer_.Put("https://somebody.else");
  EXPECT_EQ(refused(), "the issuer calls itself \"https://somebody.else\"");
  server_->Stop(std::chrono::milliseconds(0));
  EXPECT_NE(refused(), "");
  EXPECT_TRUE(keys.Get()->HasSigned(ParseJsonWebToken(rsa.Token("{}")).value()));
  OidcSettings plain = settings_;
  plain.issuer_url = "http://" + server_->address();
  EXPECT_NE(OidcKeys(plain, observe::Logger::Silent(), metrics_).Refresh().error().message.find("no https"),
            std::string::npos);
}

TEST_F(OidcTest, TheKeysAreFetchedInTheBackground) {
  const TestWebKey rsa(TestWebKey::Kind::kRsa);
  Show(rsa.Jwk());
  const auto keys = std::make_shared<OidcKeys>(settings_, observe::Logger::Silent(), metrics_);
  const Authenticator authenticate = ByOidc(settings_, keys, kClock, observe::Logger::Silent());
  keys->Start();
  const std::string token = rsa.Token(ClaimsOfAda());
  const auto deadline = std::chrono::steady_clock::now() + http::kPatience;
  while (!Ask(authenticate, token) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(Ask(authenticate, token));
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(Ask(authenticate, rsa.Token(ClaimsOfAda(), R"({"alg":"RS256","kid":"new"})")));
  EXPECT_LE(discoveries_, 2) << "however many tokens ask";
  keys->Stop();
  EXPECT_NE(metrics_.Text().find("asya_apiserver_oidc_fetches_total{outcome=\"taken\"} 1"), std::string::npos);
}

TEST(OidcKeysStop, DoesNotWaitForAnIssuerThatDoesNotAnswer) {
  // Connections are made, and nothing is ever said.
  const UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(silent.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent.get(), 1), 0);
  ASSERT_EQ(::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  OidcSettings settings = Settings();
  settings.issuer_url = "https://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  observe::Metrics metrics;
  OidcKeys keys(settings, observe::Logger::Silent(), metrics);
  keys.Start();
  const UniqueFd connected(::accept(silent.get(), nullptr, nullptr));
  ASSERT_TRUE(connected.valid());
  const auto began = std::chrono::steady_clock::now();
  keys.Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, OidcKeys::kFetchDeadline / 2);
}

}  // namespace
}  // namespace asya::apiserver
