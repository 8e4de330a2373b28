#include "core/http/own_certificates.h"

#include <gtest/gtest.h>

#include "core/http/test_server.h"

namespace asya::http {
namespace {

constexpr std::chrono::hours kHour{1};

Validity FromNow(std::chrono::minutes from, std::chrono::minutes until) {
  const WallTime now = RealClock().Now();
  return {now + from, now + until};
}

// What a client that believes `authority` gets of a server with this identity, by the name localhost.
bool Believed(const TlsIdentity& identity, const std::string& authority_pem) {
  const Running running = StartTcp(Echo, {}, identity);
  ClientRequest request;
  request.url = "https://localhost:" + std::to_string(running.port) + "/";
  request.ca_pem = authority_pem;
  return Client().Call(request).ok();
}

TEST(OwnCertificates, AreBelievedByWhoBelievesTheirAuthority) {
  const TlsIdentity authority = MakeAuthority("asya", FromNow(kHour * 0, kHour)).value();
  const TlsIdentity other = MakeAuthority("asya", FromNow(kHour * 0, kHour)).value();
  const TlsIdentity leaf = SignServer(authority, {"x.y.svc", "localhost"}, FromNow(kHour * 0, kHour)).value();
  EXPECT_TRUE(Believed(leaf, authority.certificate_pem));
  EXPECT_TRUE(Believed(leaf, other.certificate_pem + authority.certificate_pem)) << "of the two of one name";
  EXPECT_FALSE(Believed(leaf, other.certificate_pem));
  EXPECT_FALSE(
      Believed(SignServer(authority, {"x.y.svc"}, FromNow(kHour * 0, kHour)).value(), authority.certificate_pem))
      << "it is of another name";
  EXPECT_FALSE(
      Believed(SignServer(authority, {"localhost"}, FromNow(-kHour * 2, -kHour)).value(), authority.certificate_pem))
      << "it has ended";
}

TEST(OwnCertificates, SayWhenTheyAreValid) {
  const Validity given = FromNow(kHour * 0, kHour);
  const TlsIdentity authority = MakeAuthority("asya", given).value();
  const Validity read = ValidityOf(authority.certificate_pem).value();
  EXPECT_EQ(read.from, std::chrono::floor<std::chrono::seconds>(given.from));
  EXPECT_EQ(read.until, std::chrono::floor<std::chrono::seconds>(given.until));
  EXPECT_FALSE(ValidityOf("no pem").ok());
}

TEST(OwnCertificates, NeedAnAuthorityWithItsKey) {
  const TlsIdentity authority = MakeAuthority("asya", FromNow(kHour * 0, kHour)).value();
  const TlsIdentity other = MakeAuthority("asya", FromNow(kHour * 0, kHour)).value();
  EXPECT_FALSE(SignServer({authority.certificate_pem, other.key_pem}, {"a"}, FromNow(kHour * 0, kHour)).ok());
  EXPECT_FALSE(SignServer({"", ""}, {"a"}, FromNow(kHour * 0, kHour)).ok());
}

}  // namespace
}  // namespace asya::http
