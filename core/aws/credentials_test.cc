// Where credentials come from, against servers of the test's own in place of AWS's.
#include "core/aws/credentials.h"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "core/base/random.h"
#include "core/http/test_server.h"

namespace asya::aws {
namespace {

using http::Request;
using http::Responder;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kDocument =
    R"({"AccessKeyId":"AK","SecretAccessKey":"hush","Token":"token","Expiration":"2100-01-01T00:00:00Z"})";

class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() : folder_(std::filesystem::temp_directory_path() / ("asya-credentials-" + RandomHex(6))) {
    std::filesystem::create_directories(folder_);
    settings_.instance_url.clear();
  }
  ~CredentialsTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  Credentials& Use() {
    if (!credentials_) credentials_.emplace(settings_, transfers_, clock_, random_);
    return *credentials_;
  }
  Result<AwsKeys> Get() {
    std::optional<Result<AwsKeys>> got;
    Use().Get([&](const Result<AwsKeys>& keys) { got = keys; });
    const auto limit = std::chrono::steady_clock::now() + http::kPatience;
    while (!got && std::chrono::steady_clock::now() < limit) transfers_.Turn(std::chrono::milliseconds(50));
    return got.value_or(Fail(ErrorCode::kTimeout, "nothing came"));
  }

  const std::filesystem::path folder_;
  CredentialSettings settings_;
  http::Transfers transfers_{2};
  FakeClock clock_;
  Random random_{1};
  std::optional<Credentials> credentials_;
};

TEST_F(CredentialsTest, TheEnvironmentComesFirst) {
  const std::map<std::string, std::string> variables = {{"AWS_ACCESS_KEY_ID", "AK"},
                                                        {"AWS_SECRET_ACCESS_KEY", "hush"},
                                                        {"AWS_ROLE_ARN", "role"},
                                                        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"},
                                                        {"AWS_EC2_METADATA_DISABLED", "true"},
                                                        {"HOME", "/nowhere"}};
  settings_ = ReadCredentialSettings(
      [&](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
      },
      "eu-west-1");
  EXPECT_EQ(settings_.container_url, "http://169.254.170.2/v2/x");
  EXPECT_EQ(settings_.shared_file, "/nowhere/.aws/credentials");
  EXPECT_EQ(settings_.sts_url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_EQ(settings_.instance_url, "");
  EXPECT_EQ(Get().value().access_key_id, "AK");
}

TEST_F(CredentialsTest, ASharedFileByItsProfile) {
  settings_.shared_file = Write("credentials",
                                "# mine\n[default]\naws_access_key_id=AK1\naws_secret_access_key = a\n\n"
                                "[work]\r\naws_access_key_id = AK2\r\naws_secret_access_key=b=\r\n");
  settings_.profile = "work";
  const auto keys = Get();
  EXPECT_EQ(keys.value().access_key_id, "AK2");
  EXPECT_EQ(keys.value().secret_access_key, "b=");
}

TEST_F(CredentialsTest, NobodyWhoGivesAnyIsAnErrorThatNamesThePlaces) {
  const auto keys = Get();
  ASSERT_FALSE(keys.ok());
  EXPECT_EQ(keys.error().code, ErrorCode::kUnauthorized);
  EXPECT_THAT(keys.error().message, HasSubstr("AWS_ROLE_ARN"));
}

TEST_F(CredentialsTest, WebIdentityReadsItsTokenAnewAndRenewsInTime) {
  std::atomic<int> asked{0};
  std::string last_body;
  std::mutex mutex;
  const auto sts = http::StartTcp([&](const Request& request, Responder responder) {
    const std::lock_guard lock(mutex);
    last_body = request.body;
    ++asked;
    responder.Send(
        http::Plain("<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>AK" + std::to_string(asked.load()) +
                    "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>" +
                    FormatRfc3339(clock_.Now() + std::chrono::hours(1)) + "</Expiration></Credentials></AssumeRole…>"));
  });
  settings_.role_arn = "arn:aws:iam::1:role/asya";
  settings_.token_file = Write("token", "first token\n");
  settings_.sts_url = sts.url + "/";
  EXPECT_EQ(Get().value().session_token, "t");
  EXPECT_EQ(Get().value().access_key_id, "AK1");
  EXPECT_EQ(asked, 1);
  EXPECT_THAT(last_body, HasSubstr("WebIdentityToken=first%20token"));
  EXPECT_THAT(last_body, HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fasya"));
  // Near the end they still serve, and the next are asked for meanwhile.
  (void)Write("token", "second");
  clock_.Advance(std::chrono::minutes(56));
  EXPECT_EQ(Get().value().access_key_id, "AK1");
  const auto limit = std::chrono::steady_clock::now() + http::kPatience;
  while (transfers_.count() > 0 && std::chrono::steady_clock::now() < limit) {
    transfers_.Turn(std::chrono::milliseconds(50));
  }
  EXPECT_EQ(Get().value().access_key_id, "AK2");
  EXPECT_THAT(last_body, HasSubstr("WebIdentityToken=second"));
  // Those that were refused are not given again.
  Use().Refused({"AK2", "s", "t"});
  EXPECT_EQ(Get().value().access_key_id, "AK3");
}

TEST_F(CredentialsTest, AContainerIsAskedWithItsToken) {
  const auto agent = http::StartTcp([](const Request& request, Responder responder) {
    const bool known = request.headers.Get("Authorization").value_or("") == "pod token";
    http::Response answer = http::Plain(known ? kDocument : "who are you?");
    answer.status = known ? 200 : 401;
    responder.Send(std::move(answer));
  });
  settings_.container_url = agent.url + "/v1/credentials";
  EXPECT_EQ(Get().error().code, ErrorCode::kUnauthorized);
  credentials_.reset();
  settings_.container_token_file = Write("pod", "pod token");
  EXPECT_EQ(Get().value().session_token, "token");
}

TEST_F(CredentialsTest, AnInstanceIsAskedByItsSecondVersion) {
  const auto imds = http::StartTcp([](const Request& request, Responder responder) {
    const bool has_token = request.headers.Get("X-aws-ec2-metadata-token").value_or("") == "imds";
    const std::string roles = "/latest/meta-data/iam/security-credentials/";
    std::string text = "no";
    if (request.method == "PUT" && request.path == "/latest/api/token") text = "imds";
    if (has_token && request.path == roles) text = "role-a\nrole-b";
    if (has_token && request.path == roles + "role-a") text = kDocument;
    responder.Send(http::Plain(text));
  });
  settings_.instance_url = imds.url;
  EXPECT_EQ(Get().value().access_key_id, "AK");
}

TEST_F(CredentialsTest, OnlyThisMachineAndAwssOwnAddressesAreAskedWithoutTls) {
  for (const char* good : {"https://x.example/", "http://127.0.0.1:80/x", "http://169.254.170.23/v1/credentials",
                           "http://[fd00:ec2::23]/v1", "http://localhost"}) {
    EXPECT_TRUE(CheckContainerUrl(good).ok()) << good;
  }
  for (const char* bad :
       {"http://x.example/", "http://127.0.0.1.x.example/", "http://169.254.170.230/", "ftp://x", ""}) {
    EXPECT_FALSE(CheckContainerUrl(bad).ok()) << bad;
  }
}

TEST(CredentialAnswers, WrongAnswersHoldNoSecretInTheirErrors) {
  for (const char* wrong : {"", "{", R"({"AccessKeyId":"AK"})", R"({"AccessKeyId":"AK","SecretAccessKey":"hush"})"}) {
    const auto read = ReadKeyDocument(wrong);
    ASSERT_FALSE(read.ok()) << wrong;
    EXPECT_THAT(read.error().message, Not(HasSubstr("hush")));
  }
  const auto role = ReadAssumedRole(
      R"({"AssumeRoleWithWebIdentityResponse":{"AssumeRoleWithWebIdentityResult":{"Credentials":
          {"AccessKeyId":"AK","SecretAccessKey":"hush","SessionToken":"t","Expiration":1.7e9}}}})");
  EXPECT_EQ(role.value().expires_at, WallTime(std::chrono::seconds(1'700'000'000)));
}

}  // namespace
}  // namespace asya::aws
