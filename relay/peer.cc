#include "relay/peer.h"

#include <fstream>
#include <iterator>
#include <optional>

namespace asya::relay {
namespace {

constexpr std::string_view kHttpsPrefix = "https://";

std::optional<std::string> TextOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

Result<Wire::Target> TargetOf(const Peer& peer) {
  Wire::Target target{peer.address, peer.tls};
  if (!peer.tls || peer.ca_file.empty()) return target;
  auto pem = TextOf(peer.ca_file);
  // Nothing read is nobody trusted, and not everybody whom the system trusts.
  if (!pem || pem->empty()) return Fail(ErrorCode::kUnavailable, peer.ca_file + " cannot be read");
  target.ca_pem = std::move(*pem);
  return target;
}

std::string AuthorizationOf(const Peer& peer) {
  if (peer.token_file.empty()) return "";
  std::string token = TextOf(peer.token_file).value_or("");
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.empty() || token.find_first_of("\r\n") != std::string::npos) return "";
  return "Authorization: Bearer " + token + "\r\n";
}

Result<Peer> ParsePeer(std::string_view text) {
  if (text.substr(0, kHttpsPrefix.size()) != kHttpsPrefix) {
    ASYA_TRY(Address address, ParseUrl(text));
    return Peer(std::move(address));
  }
  const std::string_view rest = text.substr(kHttpsPrefix.size());
  // As with http, but for the port that is meant where none is named.
  ASYA_TRY(Address address, ParseUrl("http://" + std::string(rest)));
  const bool has_port = !rest.empty() && rest.find(':', rest.front() == '[' ? rest.find(']') : 0) != rest.npos;
  if (!has_port) address.port = "443";
  Peer peer(std::move(address));
  peer.tls = true;
  return peer;
}

}  // namespace asya::relay
