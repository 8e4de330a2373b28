#include "cluster/kubernetes/kubeconfig.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/yaml/parse.h"

namespace asya::cluster::kubernetes {
namespace {

class Kubeconfigs : public testing::Test {
 protected:
  Kubeconfigs() : folder_(testing::TempDir() + "/asya-kubeconfig-" + std::to_string(::getpid())) {
    std::filesystem::create_directories(folder_);
    Write("ca.crt", "CA");
    Write("user.crt", "CERTIFICATE");
    Write("user.key", "KEY");
  }
  ~Kubeconfigs() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }
  [[nodiscard]] Result<Endpoint> Read(const std::string& cluster, const std::string& user) const {
    return ReadKubeconfig(yaml::Parse("current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u, "
                                      "namespace: vision}}]\nclusters: [{name: other}, {name: k, cluster: " +
                                      cluster + "}]\nusers: [{name: u, user: " + user + "}]\n")
                              .value(),
                          folder_);
  }
  [[nodiscard]] std::string Mistake(const std::string& cluster, const std::string& user) const {
    const auto read = Read(cluster, user);
    return read.ok() ? "" : read.error().field + " " + read.error().message;
  }

  const std::string folder_;
};

TEST_F(Kubeconfigs, NameFilesBesideThem) {
  const auto read = Read("{server: 'https://k:6443/', certificate-authority: ca.crt}",
                         "{client-certificate: user.crt, client-key: " + folder_ + "/user.key}");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->url, "https://k:6443");
  EXPECT_EQ(read->ca_pem, "CA");
  EXPECT_EQ(read->certificate_pem, "CERTIFICATE");
  EXPECT_EQ(read->key_pem, "KEY");
  EXPECT_EQ(read->namespace_, "vision");
}

TEST_F(Kubeconfigs, HoldWhatFilesWould) {
  const auto read =
      Read("{server: 'https://k', certificate-authority-data: Q0E=, certificate-authority: none}", "{token: t0ken}");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->ca_pem, "CA");
  EXPECT_EQ(read->token, "t0ken");
  const auto file = Read("{server: 'https://k'}", "{tokenFile: token, token: t0ken}");
  EXPECT_EQ(file->token_file, folder_ + "/token") << "it goes before the token, and is read when it is needed";
  EXPECT_EQ(file->token, "");
}

TEST_F(Kubeconfigs, MayHoldItInLines) {
  const auto read = Read(R"({server: 'https://k', certificate-authority-data: "Q0\n  E=\n"})", "{token: t0ken}");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->ca_pem, "CA");
}

TEST_F(Kubeconfigs, AreRefusedWithThePlaceOfTheMistake) {
  const std::string good = "{server: 'https://k'}";
  EXPECT_NE(Mistake(good, "{exec: {command: aws}}").find("users[u].user.exec is not accepted: no program is run"),
            std::string::npos);
  EXPECT_NE(Mistake(good, "{auth-provider: {name: gcp}}").find("auth-provider"), std::string::npos);
  EXPECT_NE(Mistake(good, "{username: root, password: p}").find("username"), std::string::npos);
  EXPECT_NE(Mistake(good, "{as: root}").find("impersonated"), std::string::npos);
  EXPECT_NE(Mistake(good, "{client-certificate: user.crt}").find("client-key is missing"), std::string::npos);
  EXPECT_NE(Mistake(good, "{client-key: user.key}").find("client-certificate is missing"), std::string::npos);
  EXPECT_NE(Mistake(good, "{client-key-data: '!'}").find("client-key-data is no base64"), std::string::npos);
  EXPECT_NE(Mistake("{server: 'http://k'}", "{}").find("an https URL"), std::string::npos);
  EXPECT_NE(Mistake("{server: 'https://k', insecure-skip-tls-verify: true}", "{}").find("insecure"), std::string::npos);
  EXPECT_EQ(Mistake("{server: 'https://k', insecure-skip-tls-verify: false}", "{}"), "");
  EXPECT_NE(Mistake("{server: 'https://k', proxy-url: 'http://p'}", "{}").find("proxy"), std::string::npos);
  EXPECT_NE(Mistake("{server: 'https://k', certificate-authority: none}", "{}").find("cannot read"), std::string::npos);
  EXPECT_EQ(ReadKubeconfig(json::Value("text"), folder_).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(ReadKubeconfig(json::Object{}, folder_).error().field, "current-context");
  EXPECT_EQ(ReadKubeconfig(json::Object{{"current-context", "x"}}, folder_).error().field, "contexts[x]");
}

TEST_F(Kubeconfigs, AreNotNeededInAPod) {
  Write("token", "t0ken");
  Write("namespace", "asya-system");
  const auto read = ReadServiceAccount("10.96.0.1", "443", folder_);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->url, "https://10.96.0.1:443");
  EXPECT_EQ(read->ca_pem, "CA");
  EXPECT_EQ(read->token_file, folder_ + "/token");
  EXPECT_EQ(read->namespace_, "asya-system");
  EXPECT_EQ(ReadServiceAccount("fd00::1", "443", folder_)->url, "https://[fd00::1]:443");
  EXPECT_NE(ReadServiceAccount("", "", folder_).error().message.find("no pod"), std::string::npos);
  EXPECT_FALSE(ReadServiceAccount("10.96.0.1", "443", folder_ + "/none").ok());
}

}  // namespace
}  // namespace asya::cluster::kubernetes
