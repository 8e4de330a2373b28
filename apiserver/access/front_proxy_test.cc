#include "apiserver/access/front_proxy.h"

#include <gtest/gtest.h>

namespace asya::apiserver {
namespace {

json::Object Data() {
  return json::Object{{"client-ca-file", "USERS"},
                      {"requestheader-client-ca-file", "PROXIES"},
                      {"requestheader-allowed-names", R"(["front-proxy-client"])"},
                      {"requestheader-username-headers", R"(["X-Remote-User","X-Old-User"])"},
                      {"requestheader-uid-headers", R"(["X-Remote-Uid"])"},
                      {"requestheader-group-headers", R"(["X-Remote-Group"])"},
                      {"requestheader-extra-headers-prefix", R"(["X-Remote-Extra-"])"}};
}

Result<FrontProxySettings> Parse(json::Object data) {
  return FrontProxySettings::Parse(json::Object{{"data", std::move(data)}});
}

std::string MistakeWith(const char* key, const char* value) {
  json::Object data = Data();
  data[key] = value;
  const auto parsed = Parse(std::move(data));
  return parsed.ok() ? "" : parsed.error().field;
}

TEST(FrontProxySettings, AreReadFromTheConfigMap) {
  const auto settings = Parse(Data());
  ASSERT_TRUE(settings.ok()) << settings.error().message;
  EXPECT_EQ(settings->authorities.users_pem, "USERS");
  EXPECT_EQ(settings->authorities.front_proxies_pem, "PROXIES");
  EXPECT_EQ(settings->allowed_names, std::vector<std::string>{"front-proxy-client"});
  EXPECT_EQ(settings->extra_prefixes, std::vector<std::string>{"x-remote-extra-"});
  const auto users_alone = Parse({{"client-ca-file", "USERS"}});
  ASSERT_TRUE(users_alone.ok());
  EXPECT_TRUE(users_alone->authorities.front_proxies_pem.empty());
}

TEST(FrontProxySettings, AreRefusedWhereTheyAreNotWhatAClusterWrites) {
  EXPECT_EQ(MistakeWith("requestheader-allowed-names", "front-proxy-client"), "data.requestheader-allowed-names");
  EXPECT_EQ(MistakeWith("requestheader-allowed-names", "[1]"), "data.requestheader-allowed-names");
  EXPECT_EQ(MistakeWith("requestheader-username-headers", R"(["X User"])"), "data.requestheader-username-headers");
  EXPECT_EQ(MistakeWith("requestheader-username-headers", "[]"), "data.requestheader-username-headers");
  EXPECT_EQ(MistakeWith("requestheader-extra-headers-prefix", R"([""])"), "data.requestheader-extra-headers-prefix")
      << "every header would be one";
  std::string many = "[";
  for (std::size_t i = 0; i < kProxyHeadersMax; ++i) many += "\"a\",";
  EXPECT_EQ(MistakeWith("requestheader-group-headers", (many + "\"a\"]").c_str()), "data.requestheader-group-headers");
  EXPECT_EQ(Parse({}).error().field, "data");
  EXPECT_EQ(FrontProxySettings::Parse(json::Object{}).error().field, "data");
}

http::Headers Named() {
  http::Headers headers;
  headers.Set("X-Remote-User", "ada");
  headers.Add("x-remote-group", "vision");
  headers.Add("X-Remote-Group", "system:authenticated");
  headers.Add("X-Remote-Group", "");
  headers.Set("X-Remote-Uid", "7");
  headers.Add("X-Remote-Extra-Authentication.kubernetes.io%2Fcredential-Id", "one");
  headers.Add("X-Remote-Extra-Scopes", "a");
  headers.Add("X-Remote-Extra-scopes", "b");
  headers.Add("X-Remote-Extra-%zz", "odd");
  return headers;
}

TEST(FrontProxies, NameUsersInHeaders) {
  const FrontProxySettings settings = Parse(Data()).value();
  const auto ada = UserOfHeaders(settings, Named());
  ASSERT_TRUE(ada);
  EXPECT_EQ(ada->name, "ada");
  EXPECT_EQ(ada->uid, "7");
  EXPECT_EQ(ada->groups, (std::vector<std::string>{"vision", "system:authenticated"}));
  const std::map<std::string, std::vector<std::string>> extra{
      {"authentication.kubernetes.io/credential-id", {"one"}}, {"scopes", {"a", "b"}}, {"%zz", {"odd"}}};
  EXPECT_EQ(ada->extra, extra);
  http::Headers old;
  old.Set("X-Remote-User", "");
  old.Set("X-Old-User", "eve");
  EXPECT_EQ(UserOfHeaders(settings, old)->name, "eve") << "the first that is not empty";
  EXPECT_FALSE(UserOfHeaders(settings, {}));
}

class Proxied : public testing::Test {
 protected:
  Proxied() { request_.headers = Named(); }
  // Who is seen in a request with such a certificate.
  std::string Seen(const std::string& name, bool of_user, bool of_front_proxy,
                   std::chrono::hours left = std::chrono::hours(1)) {
    request_.client_certificate = std::make_shared<http::ClientCertificate>(
        http::ClientCertificate{name, {}, clock_.Now() + left, of_user, of_front_proxy});
    const Identity who = authenticate_(request_);
    return who ? who->name : "nobody";
  }

  FakeClock clock_;
  std::shared_ptr<Current<FrontProxySettings>> settings_ =
      std::make_shared<Current<FrontProxySettings>>(Parse(Data()).value());
  const Authenticator authenticate_ = ByFrontProxy(settings_, clock_);
  http::Request request_;
};

TEST_F(Proxied, HeadersAreBelievedOfAProxyAlone) {
  EXPECT_FALSE(authenticate_(request_)) << "without a certificate";
  EXPECT_EQ(Seen("front-proxy-client", false, true), "ada");
  EXPECT_EQ(Seen("front-proxy-client", true, false), "nobody") << "of a user who has taken the proxy's name";
  EXPECT_EQ(Seen("front-proxy-client", true, true), "ada") << "where one CA signs both";
  EXPECT_EQ(Seen("other", false, true), "nobody") << "of a name that is not allowed";
  EXPECT_EQ(Seen("", false, true), "nobody");
  EXPECT_EQ(Seen("front-proxy-client", false, true, std::chrono::hours(-1)), "nobody") << "it has expired";
}

TEST_F(Proxied, SettingsAreTakenAtOnce) {
  FrontProxySettings next = *settings_->Get();
  next.allowed_names = {};
  next.username_headers = {"X-Other"};
  settings_->Put(next);
  EXPECT_EQ(Seen("anyone", false, true), "nobody") << "the header of the name is another now";
  request_.headers.Set("X-Other", "eve");
  EXPECT_EQ(Seen("anyone", false, true), "eve") << "every name is allowed";
  settings_->Put({});
  EXPECT_EQ(Seen("anyone", false, true), "nobody");
}

}  // namespace
}  // namespace asya::apiserver
