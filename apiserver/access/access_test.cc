#include <gtest/gtest.h>

#include "apiserver/access/authenticators.h"

namespace asya::apiserver {
namespace {

http::Request Bearing(const std::string& header) {
  http::Request request;
  if (!header.empty()) request.headers.Set("Authorization", header);
  return request;
}

std::string MistakeIn(const std::string& text) {
  const auto file = TokenFile::Parse(text);
  return file.ok() ? "" : file.error().message;
}

TEST(TokenFile, ReadsWhatKubeApiserverReads) {
  const auto file = TokenFile::Parse(
      "t0ken-a,ada,1,\"vision,speech\"\n"
      "\r\n"
      "t0ken-b, bob ,2\r\n"
      "\"quoted,\"\"token\"\"\",\"eve, the first\",,night\n"
      "t0ken-c,cyd,3,");
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto ada = file->Find("t0ken-a");
  ASSERT_TRUE(ada);
  EXPECT_EQ(ada->name, "ada");
  EXPECT_EQ(ada->uid, "1");
  EXPECT_EQ(ada->groups, (std::vector<std::string>{"vision", "speech"}));
  EXPECT_EQ(file->Find("t0ken-b")->name, "bob ") << "as Go's reader of CSV with TrimLeadingSpace";
  EXPECT_EQ(file->Find("quoted,\"token\"")->name, "eve, the first");
  EXPECT_TRUE(file->Find("t0ken-c")->groups.empty());
  EXPECT_FALSE(file->Find("t0ken"));
  EXPECT_FALSE(file->Find(""));
  EXPECT_FALSE(file->Find(std::string(kTokenBytesMax + 1, 'x')));
  EXPECT_FALSE(TokenFile::Parse("")->Find("x"));
}

TEST(TokenFile, NamesEveryLineThatIsWrongAndNoToken) {
  EXPECT_EQ(MistakeIn("s3cret,ada\nok,eve,2\n,bob,3\ns3cret2,,4\n"),
            "line 1: token,user,uid[,\"group1,group2\"] is accepted; line 3: the token is empty; line 4: the user is "
            "empty");
  EXPECT_EQ(MistakeIn("s3cret,ada,1\ns3cret,eve,2"), "line 2: the token was given before");
  EXPECT_EQ(MistakeIn("s3cret,ada,1,vision,speech"),
            "line 1: there are more than four columns; several groups stand in one pair of quotes");
  EXPECT_EQ(MistakeIn("s3cret,ada,1,\"vision"), "line 1: a quote is not closed");
  EXPECT_EQ(MistakeIn("\"s3cret\"x,ada,1"), "line 1: something stands behind a closing quote");
  EXPECT_EQ(MistakeIn("s3\"cret,ada,1"), "line 1: a quote stands within a column that does not begin with one");
  EXPECT_NE(MistakeIn("s3 cret,ada,1").find("blank"), std::string::npos);
  EXPECT_NE(MistakeIn(std::string("s3\0cret,ada,1", 13)).find("control"), std::string::npos);
  EXPECT_NE(MistakeIn(std::string(9000, 'x') + ",ada,1").find("8192"), std::string::npos);
  std::string many;
  for (int i = 0; i < 20; ++i) many += "x\n";
  EXPECT_NE(MistakeIn(many).find("; and 10 more"), std::string::npos);
  std::string too_many;
  for (std::size_t i = 0; i <= kTokensMax; ++i) too_many += "t" + std::to_string(i) + ",u,1\n";
  EXPECT_EQ(MistakeIn(too_many), "more than 1000 tokens");
}

TEST(Authenticators, TakeTheTokenBehindBearer) {
  EXPECT_EQ(BearerToken(Bearing("Bearer abc")), "abc");
  EXPECT_EQ(BearerToken(Bearing("bearer abc")), "abc");
  EXPECT_EQ(BearerToken(Bearing("Basic abc")), "");
  EXPECT_EQ(BearerToken(Bearing("Bearer ")), "");
  EXPECT_EQ(BearerToken(Bearing("Bear")), "");
  EXPECT_EQ(BearerToken(Bearing("")), "");
  const auto tokens = std::make_shared<Current<TokenFile>>(TokenFile::Parse("abc,ada,1").value());
  const Authenticator by_token = ByTokenFile(tokens);
  EXPECT_EQ(by_token(Bearing("Bearer abc"))->name, "ada");
  EXPECT_FALSE(by_token(Bearing("Bearer abcd")));
  EXPECT_FALSE(by_token(Bearing("")));
  tokens->Put(TokenFile::Parse("new,ada,1").value());
  EXPECT_FALSE(by_token(Bearing("Bearer abc")));
  EXPECT_TRUE(by_token(Bearing("Bearer new")));
}

TEST(Authenticators, TakeAVerifiedCertificateWhileItLasts) {
  FakeClock clock;
  const Authenticator by_certificate = ByClientCertificate(clock);
  http::Request request;
  EXPECT_FALSE(by_certificate(request));
  request.client_certificate = std::make_shared<http::ClientCertificate>(
      http::ClientCertificate{"ada", {"vision"}, clock.Now() + std::chrono::hours(1), true});
  EXPECT_EQ(by_certificate(request)->name, "ada");
  EXPECT_EQ(by_certificate(request)->groups, std::vector<std::string>{"vision"});
  clock.Advance(std::chrono::hours(2));
  EXPECT_FALSE(by_certificate(request)) << "the connection has outlived it";
  request.client_certificate = std::make_shared<http::ClientCertificate>(
      http::ClientCertificate{"", {"vision"}, clock.Now() + std::chrono::hours(1), true});
  EXPECT_FALSE(by_certificate(request)) << "no common name";
  request.client_certificate = std::make_shared<http::ClientCertificate>(
      http::ClientCertificate{"proxy", {}, clock.Now() + std::chrono::hours(1), false, true});
  EXPECT_FALSE(by_certificate(request)) << "of a proxy, which is no user";
}

TEST(Authenticators, AreAskedInOrder) {
  const auto named = [](const char* name) {
    return [name](const http::Request&) { return std::optional<User>(User{name, {}}); };
  };
  const auto nobody = [](const http::Request&) { return std::optional<User>(); };
  EXPECT_EQ(FirstOf({nobody, named("a"), named("b")})({})->name, "a");
  EXPECT_FALSE(FirstOf({nobody, nobody})({}));
  EXPECT_FALSE(FirstOf({})({}));
}

}  // namespace
}  // namespace asya::apiserver
