#include "server/api_options.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

#include "core/http/sealing_keys.h"
#include "tests/support/temporary_folder.h"

namespace asya::server {
namespace {

class ApiOptionsTest : public testing::Test {
 protected:
  ApiOptionsTest() {
    const auto identity = http::MakeSelfSigned("x", 1).value();
    Write("tls.crt", identity.certificate_pem);
    Write("tls.key", identity.key_pem);
    Write("other.key", http::MakeSelfSigned("y", 1)->key_pem);
    Write("tokens.csv", "t0ken,ada,1,vision\n");
    Write("roles.yaml", "bindings:\n- {role: view, users: [ada], namespaces: ['*']}\n");
  }
  void Write(const std::string& name, const std::string& text) { std::ofstream(Path(name)) << text; }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  [[nodiscard]] std::vector<std::string> Tls() const {
    return {"--tls-cert-file", Path("tls.crt"), "--tls-private-key-file=" + Path("tls.key")};
  }
  // The mistakes, one a line.
  std::string Parse(std::vector<std::string> arguments, bool tls = true, const std::string& url = "postgres:///asya",
                    std::map<std::string, std::string> variables = {}) {
    if (tls) {
      for (const std::string& one : Tls()) arguments.push_back(one);
    }
    Environment environment;
    environment.own = std::move(variables);
    if (!url.empty()) environment.own[kDatabaseVariable] = url;
    options_ = {};
    files_ = {};
    std::string text;
    for (const Error& error : ParseApiOptions(arguments, environment, options_, files_)) {
      text += error.field + ": " + error.message + "\n";
    }
    return text;
  }

  tests::TemporaryFolder folder_;
  ApiOptions options_;
  ApiFiles files_;
};

TEST_F(ApiOptionsTest, AllThatIsNeeded) {
  EXPECT_EQ(Parse({"--listen=0.0.0.0:6443", "--token-auth-file", Path("tokens.csv"), "--roles-file", Path("roles.yaml"),
                   "--client-ca-file", Path("tls.crt"), "--log-level=DEBUG"}),
            "");
  EXPECT_EQ(options_.address, "0.0.0.0");
  EXPECT_EQ(options_.port, 6443);
  EXPECT_EQ(options_.database_url, "postgres:///asya");
  EXPECT_EQ(files_.tokens.Find("t0ken")->name, "ada");
  EXPECT_FALSE(files_.identity.key_pem.empty());
  EXPECT_FALSE(files_.client_ca_pem.empty());
}

TEST_F(ApiOptionsTest, HistoryIsBoundedByTheEnvironment) {
  const std::vector<std::string> flags{"--listen=0.0.0.0:6443", "--token-auth-file", Path("tokens.csv")};
  EXPECT_EQ(Parse(flags, true, "postgres:///asya", {{"ASYA_HISTORY_AGE", "48h"}}), "");
  EXPECT_EQ(options_.history.age_max, std::chrono::hours(48));
  EXPECT_EQ(Parse(flags, true, "postgres:///asya", {{"ASYA_HISTORY_ENTRIES", "-1"}}),
            "environment: ASYA_HISTORY_ENTRIES: got \"-1\"; a number of entries above zero is accepted\n");
}

TEST_F(ApiOptionsTest, AddressesOfBothKinds) {
  const std::string tokens = "--token-auth-file=" + Path("tokens.csv");
  EXPECT_EQ(Parse({"--listen", "[::]:0", tokens}), "");
  EXPECT_EQ(options_.address, "::");
  for (const char* wrong : {"6443", ":6443", "localhost:6443", "::1:6443", "[127.0.0.1:6443", "0.0.0.0:", "0.0.0.0:x",
                            "0.0.0.0:65536", "0.0.0.0:-1", ""}) {
    EXPECT_EQ(Parse({"--listen", wrong, tokens}).find("--listen: got"), 0U) << wrong;
  }
}

TEST_F(ApiOptionsTest, EveryMistakeIsToldAtOnce) {
  Write("bad.csv", "t0ken\n");
  Write("bad.yaml", "bindings: [{role: owner}]");
  const std::string told =
      Parse({"--listen", "nowhere", "--token-auth-file", Path("bad.csv"), "--roles-file", Path("bad.yaml"),
             "--client-ca-file", Path("absent"), "--colour", "--tls-cert-file", Path("tls.crt"), "--log-level"},
            false, "");
  for (const char* mistake :
       {"--listen: got \"nowhere\"", "--token-auth-file: line 1: token,user,uid", "--roles-file: bindings[0].role",
        "--client-ca-file: cannot read", "--colour: unknown option; --aggregated, --cert-dir, ",
        "--log-level: needs a value", "--tls-private-key-file: is missing",
        "--database-file: is missing, and ASYA_DATABASE_URL"}) {
    EXPECT_NE(told.find(mistake), std::string::npos) << mistake << "\n" << told;
  }
  EXPECT_EQ(told.find("t0ken\n"), std::string::npos);
}

TEST_F(ApiOptionsTest, KeysThatSecretsAreSealedUnder) {
  const std::vector<std::string> flags{"--listen=0.0.0.0:6443", "--token-auth-file", Path("tokens.csv"),
                                       "--encryption-key-file", Path("keys")};
  EXPECT_NE(Parse(flags).find("--encryption-key-file: cannot read"), std::string::npos);
  Write("keys", "hunter2\n");
  const std::string told = Parse(flags);
  EXPECT_NE(told.find("--encryption-key-file: line 1: 32 bytes in base64"), std::string::npos) << told;
  EXPECT_EQ(told.find("hunter2"), std::string::npos);
  Write("keys", "");
  EXPECT_NE(Parse(flags).find("--encryption-key-file: no key"), std::string::npos);
  Write("keys", http::SealingKeys::NewLine().value());
  EXPECT_EQ(Parse(flags), "");
  EXPECT_FALSE(files_.encryption_key_text.empty());
}

TEST_F(ApiOptionsTest, AnEmptyClientCaIsAMistake) {
  Write("empty.crt", "");
  const std::string told = Parse({"--listen=0.0.0.0:6443", "--token-auth-file", Path("tokens.csv"), "--roles-file",
                                  Path("roles.yaml"), "--client-ca-file", Path("empty.crt")});
  EXPECT_NE(told.find("--client-ca-file: the file is empty"), std::string::npos) << told;
}

TEST_F(ApiOptionsTest, NothingIsServedWithoutTlsBeyondThisMachine) {
  const std::string tokens = "--token-auth-file=" + Path("tokens.csv");
  EXPECT_NE(Parse({"--listen=0.0.0.0:1", tokens}, false).find("nothing but TLS is spoken"), std::string::npos);
  EXPECT_NE(Parse({"--listen=0.0.0.0:1", tokens, "--cert-dir", folder_.path()}, false).find("nothing but TLS"),
            std::string::npos);
  EXPECT_NE(Parse({"--listen=127.0.0.1:1", tokens}, false).find("--cert-dir FOLDER is accepted"), std::string::npos);
  EXPECT_NE(Parse({"--listen=127.0.0.1:1", tokens, "--cert-dir", Path("none")}, false).find("--cert-dir: no folder"),
            std::string::npos);
  for (const char* here : {"--listen=127.0.0.1:1", "--listen=[::1]:1"}) {
    EXPECT_EQ(Parse({here, tokens, "--cert-dir", folder_.path()}, false), "");
  }
  const std::string kept = files_.identity.certificate_pem;
  EXPECT_EQ(Parse({"--listen=127.0.0.1:1", tokens, "--cert-dir", folder_.path()}, false), "");
  EXPECT_EQ(files_.identity.certificate_pem, kept) << "a restart keeps what clients trust";
}

TEST_F(ApiOptionsTest, CertificatesThatCannotBeUsed) {
  const std::string tokens = "--token-auth-file=" + Path("tokens.csv");
  EXPECT_EQ(Parse({"--listen=0.0.0.0:1", tokens, "--tls-cert-file", Path("tls.crt"), "--tls-private-key-file",
                   Path("other.key")},
                  false)
                .find("--tls-private-key-file: "),
            0U);
  EXPECT_EQ(Parse({"--listen=0.0.0.0:1", "--client-ca-file", Path("tls.key")}).find("--client-ca-file: "), 0U);
}

TEST_F(ApiOptionsTest, AnIssuerOfIdentities) {
  EXPECT_EQ(Parse({"--listen=0.0.0.0:1", "--oidc-issuer-url=https://issuer.example", "--oidc-client-id=asya",
                   "--oidc-username-claim=email", "--oidc-username-prefix=-", "--oidc-groups-claim=groups",
                   "--oidc-groups-prefix=oidc:", "--oidc-required-claim=hd=example.com",
                   "--oidc-required-claim=tier=a=b", "--oidc-ca-file", Path("tls.crt")}),
            "");
  EXPECT_EQ(options_.oidc.username_prefix, "-");
  EXPECT_EQ(options_.oidc.required_claims[1], (std::pair<std::string, std::string>("tier", "a=b")));
  EXPECT_FALSE(options_.oidc.ca_pem.empty());
  const std::string told = Parse({"--listen=0.0.0.0:1", "--oidc-issuer-url=http://issuer.example",
                                  "--oidc-required-claim=x", "--oidc-ca-file=none"});
  for (const char* mistake : {"--oidc-issuer-url: got", "--oidc-client-id: is missing", "--oidc-required-claim: got",
                              "--oidc-ca-file: cannot read"}) {
    EXPECT_NE(told.find(mistake), std::string::npos) << mistake << "\n" << told;
  }
  EXPECT_NE(Parse({"--listen=0.0.0.0:1", "--oidc-groups-claim=x"}).find("--oidc-issuer-url: is missing"),
            std::string::npos);
}

TEST_F(ApiOptionsTest, OneDatabaseAndSomebodyToKnow) {
  const std::string tokens = "--token-auth-file=" + Path("tokens.csv");
  EXPECT_NE(Parse({"--listen=0.0.0.0:1"}).find("nobody is known"), std::string::npos);
  EXPECT_NE(Parse({"--listen=0.0.0.0:1", tokens, "--database-file=x"}).find("only one of both"), std::string::npos);
  EXPECT_EQ(Parse({"--listen=0.0.0.0:1", tokens, "--database-file=x"}, true, ""), "");
}

TEST_F(ApiOptionsTest, ReportsAreTakenWhereActorsRun) {
  Write("kubeconfig",
        "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "clusters: [{name: k, cluster: {server: 'https://k:1'}}]\nusers: [{name: u, user: {tokenFile: token}}]\n");
  Write("runtime", "zip");
  const std::vector<std::string> flags{"--listen=0.0.0.0:1", "--aggregated",  Path("kubeconfig"),
                                       "--runtime",          Path("runtime"), "--reports-listen=[::]:6444"};
  auto all = flags;
  all.emplace_back("--controllers=all");
  EXPECT_EQ(Parse(all, false), "");
  EXPECT_EQ(options_.reports_address, "::");
  EXPECT_EQ(options_.reports_port, 6444);
  EXPECT_EQ(Parse(flags, false), "--reports-listen: is accepted with --controllers alone\n");
  EXPECT_NE(Parse(all, true).find("--serving-ca-file: is missing: relays have to know"), std::string::npos);
  auto plain = all;
  plain.emplace_back("--gateway-url=http://asya");
  EXPECT_NE(Parse(plain, false).find("--gateway-url: got \"http://asya\"; an https URL"), std::string::npos);
  all.emplace_back("--database-file=x");
  EXPECT_NE(Parse(all, false, "").find("--reports-listen: needs ASYA_DATABASE_URL"), std::string::npos);
  EXPECT_NE(Parse({"--reports-listen=localhost:1"}).find("--reports-listen: got"), std::string::npos);
}

TEST_F(ApiOptionsTest, AClusterThatKnowsUsers) {
  Write("kubeconfig",
        "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "clusters: [{name: k, cluster: {server: 'https://k:1'}}]\nusers: [{name: u, user: {tokenFile: token}}]\n");
  Write("exec",
        "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "clusters: [{name: k, cluster: {server: 'https://k:1'}}]\nusers: [{name: u, user: {exec: {command: x}}}]\n");
  EXPECT_EQ(Parse({"--listen=0.0.0.0:1", "--aggregated", Path("kubeconfig")}), "");
  EXPECT_EQ(files_.cluster.url, "https://k:1");
  EXPECT_EQ(files_.cluster.token_file, Path("token"));
  EXPECT_EQ(Parse({"--listen=0.0.0.0:1", "--aggregated", Path("kubeconfig"), "--serving-ca-file", Path("tls.crt")}),
            "");
  EXPECT_EQ(Parse({"--listen=0.0.0.0:1", "--aggregated", Path("kubeconfig"), "--serving-ca-file", Path("tls.key")}),
            "--serving-ca-file: the file holds no certificate in PEM\n");
  const std::string exec = Parse({"--listen=0.0.0.0:1", "--aggregated", Path("exec")});
  EXPECT_EQ(exec.find("--aggregated: users[u].user.exec is not accepted"), 0U) << exec;
  const std::string here = Parse({"--listen=0.0.0.0:1", "--aggregated=in-cluster"});
  EXPECT_NE(here.find("this is no pod of a cluster"), std::string::npos) << here;
  const std::string told = Parse({"--listen=0.0.0.0:1", "--aggregated", Path("none"), "--token-auth-file",
                                  Path("tokens.csv"), "--roles-file", Path("roles.yaml")});
  for (const char* mistake : {"--aggregated: cannot read", "--token-auth-file: is not accepted with --aggregated",
                              "--roles-file: is not accepted with --aggregated"}) {
    EXPECT_NE(told.find(mistake), std::string::npos) << mistake << "\n" << told;
  }
}

TEST_F(ApiOptionsTest, WebhooksBelongToControllers) {
  EXPECT_NE(Parse({"--listen=0.0.0.0:1", "--webhooks=all"}).find("--webhooks: is accepted with --controllers all"),
            std::string::npos);
  EXPECT_NE(Parse({"--listen=0.0.0.0:1", "--webhooks-listen=0.0.0.0:2"})
                .find("--webhooks-listen: is accepted with --webhooks all alone"),
            std::string::npos);
  EXPECT_NE(Parse({"--listen=0.0.0.0:1", "--webhooks-listen=x"}).find("--webhooks-listen: got \"x\""),
            std::string::npos);
  EXPECT_NE(Parse({"--listen=0.0.0.0:1", "--webhooks=yes"}).find("--webhooks: got \"yes\"; all or none"),
            std::string::npos);
}

TEST(TellsKedaTheCa, WhereItIsKnownAndNobodyElseDoes) {
  ApiOptions options;
  options.aggregated = kInCluster;
  EXPECT_FALSE(TellsKedaTheCa(options)) << "KEDA is not served";
  options.scaler.address = "0.0.0.0";
  EXPECT_TRUE(TellsKedaTheCa(options));
  options.tls_cert_file = "tls.crt";
  EXPECT_FALSE(TellsKedaTheCa(options)) << "nobody knows who signed it";
  options.serving_ca_file = "ca.crt";
  EXPECT_TRUE(TellsKedaTheCa(options));
  options.scaler.ca_secret = "scaler-ca";
  EXPECT_FALSE(TellsKedaTheCa(options));
}

}  // namespace
}  // namespace asya::server
