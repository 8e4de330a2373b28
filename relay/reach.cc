#include "relay/reach.h"

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <iterator>
#include <optional>

namespace asya::relay {
namespace {

namespace ip = boost::asio::ip;

// Of clouds that put theirs outside the link-local networks: Alibaba, Oracle, Azure, and Amazon's for IPv6.
constexpr const char* kMetadata[] = {"100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254"};

std::optional<ip::address_v4> Inside(const ip::address_v6& address) {
  constexpr std::array<unsigned char, 12> kTranslated = {0, 0x64, 0xff, 0x9b};  // NAT64: 64:ff9b::/96
  const auto bytes = address.to_bytes();
  const auto four = [&](std::size_t at) {
    return ip::address_v4({bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]});
  };
  if (address.is_v4_mapped() || std::equal(kTranslated.begin(), kTranslated.end(), bytes.begin())) return four(12);
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return four(2);  // 6to4: 2002::/16
  return std::nullopt;
}

Error Refuse(const char* what) {
  return Fail(ErrorCode::kForbidden, std::string("a model server at ") + what + " is not called");
}

}  // namespace

Status CheckReach(const std::string& ip, const Reach& reach) {
  boost::system::error_code error;
  ip::address address = ip::make_address(ip, error);
  if (error) return Invalid("", "no address in numbers");
  bool link_local = false;
  bool nowhere = address.is_unspecified();
  if (address.is_v6()) {
    ip::address_v6 six = address.to_v6();
    six.scope_id(0);
    address = six;
    link_local = six.is_link_local() || six.is_site_local();
    if (const auto four = Inside(six)) address = *four;
  }
  if (address.is_v4()) {
    const std::uint32_t four = address.to_v4().to_uint();
    link_local = link_local || four >> 16 == 0xa9feU;            // 169.254/16
    nowhere = nowhere || four >> 24 == 0 || four >> 28 == 0xfU;  // 0/8, 240/4 with broadcast
  }
  const std::string text = address.to_string();
  link_local = link_local || std::find(std::begin(kMetadata), std::end(kMetadata), text) != std::end(kMetadata);
  if (nowhere || address.is_multicast()) return Refuse("an address that is no single host");
  if (address.is_loopback() && !reach.loopback) return Refuse("a loopback address");
  if (link_local && !reach.link_local) return Refuse("a link-local or metadata address");
  return Ok();
}

}  // namespace asya::relay
