// Tokens from a token server and from a metadata server, and what is told where none comes.
#include "transports/pubsub/google_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <vector>

#include "core/http/test_key.h"
#include "core/http/test_server.h"
#include "core/json/value.h"

namespace asya::transports::pubsub {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

http::Response Json(int status, const std::string& body) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = body;
  return response;
}

std::string KeyFor(const std::string& token_url) {
  return json::Dump(json::Object{{"type", "service_account"},
                                 {"client_email", "relay@example"},
                                 {"private_key_id", "k1"},
                                 {"private_key", http::NewRsaKeyPem()},
                                 {"token_uri", token_url}});
}

// Waits until a token is there, or gives what is told instead.
Result<std::string> TokenOf(GoogleAccess& access) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  auto token = access.Token();
  while (!token.ok() && std::chrono::steady_clock::now() < limit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    token = access.Token();
  }
  return token;
}

TEST(GoogleAccess, SignsForATokenWithTheKeyOfAServiceAccount) {
  std::mutex mutex;
  std::string seen;
  const auto server = http::StartTcp([&](const http::Request& request, http::Responder responder) {
    {
      const std::lock_guard lock(mutex);
      seen = request.method + " " + request.path + " " + request.body;
    }
    responder.Send(Json(200, R"({"access_token":"t1","expires_in":3600,"token_type":"Bearer"})"));
  });
  Random random(1);
  GoogleAccessSettings settings;
  settings.key_json = KeyFor(server.url + "/token");
  ASSERT_TRUE(GoogleAccess::CheckKey(settings.key_json).ok());
  GoogleAccess access(settings, RealClock(), random);
  EXPECT_EQ(*TokenOf(access), "t1");
  const std::lock_guard lock(mutex);
  // {"alg":"RS256","kid":"k1","typ":"JWT"}
  EXPECT_THAT(seen, HasSubstr("POST /token grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
                              "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIiwidHlwIjoiSldUIn0."));
}

TEST(GoogleAccess, AsksTheMetadataServerAgainAfterFailuresAndRefusals) {
  std::atomic<int> calls{0};
  const auto server = http::StartTcp([&](const http::Request& request, http::Responder responder) {
    const int call = ++calls;
    const bool right = request.headers.Get("Metadata-Flavor") == "Google";
    if (call == 1 || !right) return responder.Send(Json(503, "starting"));
    responder.Send(Json(200, R"({"access_token":"t)" + std::to_string(call) + R"(","expires_in":3600})"));
  });
  Random random(1);
  GoogleAccessSettings settings;
  settings.metadata_host = server.url.substr(std::string("http://").size());
  settings.retry_min = std::chrono::milliseconds(5);
  GoogleAccess access(settings, RealClock(), random);
  EXPECT_EQ(*TokenOf(access), "t2");
  access.Refused();
  EXPECT_EQ(*TokenOf(access), "t3");
}

TEST(GoogleAccess, TellsWhatIsWrongAndNoSecret) {
  EXPECT_THAT(GoogleAccess::CheckKey("{").error().message, HasSubstr("not JSON"));
  EXPECT_THAT(GoogleAccess::CheckKey(R"({"type":"authorized_user"})").error().message, HasSubstr("authorized_user"));
  const std::string broken =
      R"({"type":"service_account","client_email":"a","private_key":"-----BEGIN PRIVATE KEY-----\nsecret"})";
  EXPECT_THAT(GoogleAccess::CheckKey(broken).error().message, Not(HasSubstr("secret")));
  std::atomic<bool> asked{false};
  const auto server = http::StartTcp([&](const http::Request&, http::Responder responder) {
    responder.Send(Json(400, R"({"error":"the assertion was secret"})"));
    asked = true;
  });
  Random random(1);
  GoogleAccessSettings settings;
  settings.key_json = KeyFor(server.url);
  GoogleAccess access(settings, RealClock(), random);
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string told;
  while (told.find("400") == std::string::npos && std::chrono::steady_clock::now() < limit) {
    told = access.Token().error().message;
  }
  EXPECT_EQ(told, "no access to Pub/Sub: the token server answered with status 400");
}

}  // namespace
}  // namespace asya::transports::pubsub
