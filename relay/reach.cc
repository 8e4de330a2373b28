#include "relay/reach.h"

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <iterator>
#include <vector>

namespace asya::relay {
namespace {

namespace ip = boost::asio::ip;

// Of clouds that put theirs outside the link-local networks: Alibaba, Oracle, Azure, Google for IPv6, Scaleway for
// IPv6.
constexpr const char* kMetadata[] = {"100.100.100.200", "192.0.0.192", "168.63.129.16", "fd20:ce::254", "fd00:42::42"};

// What hosts of Amazon offer to what runs on them: metadata, credentials of pods, names, time.
constexpr std::array<unsigned char, 4> kAmazon = {0xfd, 0, 0x0e, 0xc2};                // fd00:ec2::/32
constexpr std::array<unsigned char, 12> kTranslated = {0, 0x64, 0xff, 0x9b};           // NAT64: 64:ff9b::/96
constexpr std::array<unsigned char, 6> kTranslatedHere = {0, 0x64, 0xff, 0x9b, 0, 1};  // 64:ff9b:1::/48, RFC 8215

bool Begins(const ip::address_v6::bytes_type& bytes, const auto& prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

// 0/8, and from multicast on.
bool IsNoHost(const ip::address_v4& address) {
  const std::uint32_t first = address.to_uint() >> 24;
  return first == 0 || first >= 224;
}

// The IPv4 addresses that it may stand for.
std::vector<ip::address_v4> Inside(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  const auto four = [&](std::size_t first, std::size_t second, std::size_t third, std::size_t fourth) {
    return ip::address_v4({bytes[first], bytes[second], bytes[third], bytes[fourth]});
  };
  if (address.is_v4_mapped() || Begins(bytes, kTranslated)) return {four(12, 13, 14, 15)};
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return {four(2, 3, 4, 5)};  // 6to4: 2002::/16
  if (!Begins(bytes, kTranslatedHere)) return {};
  // By RFC 6052 for prefixes of 48, 56, 64 and 96 bits, whichever this network has. What no host has is none of them.
  std::vector<ip::address_v4> any = {four(6, 7, 9, 10), four(7, 9, 10, 11), four(9, 10, 11, 12), four(12, 13, 14, 15)};
  std::vector<ip::address_v4> hosts;
  std::remove_copy_if(any.begin(), any.end(), std::back_inserter(hosts), IsNoHost);
  return hosts.empty() ? any : hosts;
}

Error Refuse(const char* what) {
  return Fail(ErrorCode::kForbidden, std::string("a model server at ") + what + " is not called");
}

Status Check(const ip::address& address, const Reach& reach) {
  bool link_local = false;
  bool nowhere = address.is_unspecified();
  if (address.is_v6()) {
    const ip::address_v6 six = address.to_v6();
    link_local = six.is_link_local() || six.is_site_local() || Begins(six.to_bytes(), kAmazon);
  } else {
    const std::uint32_t four = address.to_v4().to_uint();
    link_local = four >> 16 == 0xa9feU;                          // 169.254/16
    nowhere = nowhere || four >> 24 == 0 || four >> 28 == 0xfU;  // 0/8, 240/4 with broadcast
  }
  const std::string text = address.to_string();
  link_local = link_local || std::find(std::begin(kMetadata), std::end(kMetadata), text) != std::end(kMetadata);
  if (nowhere || address.is_multicast()) return Refuse("an address that is no single host");
  if (address.is_loopback() && !reach.loopback) return Refuse("a loopback address");
  if (link_local && !reach.link_local) return Refuse("a link-local or metadata address");
  return Ok();
}

}  // namespace

Status CheckReach(const std::string& ip, const Reach& reach) {
  boost::system::error_code error;
  const ip::address address = ip::make_address(ip, error);
  if (error) return Invalid("", "no address in numbers");
  if (address.is_v4()) return Check(address, reach);
  ip::address_v6 six = address.to_v6();
  six.scope_id(0);
  for (const ip::address_v4& four : Inside(six)) ASYA_TRY_STATUS(Check(four, reach));
  return Check(six, reach);
}

}  // namespace asya::relay
