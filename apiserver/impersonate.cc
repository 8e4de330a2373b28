#include "apiserver/impersonate.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "apiserver/status_error.h"

namespace asya::apiserver {
namespace {

constexpr const char* kMasters = "system:masters";
constexpr std::size_t kGroupsMax = 256;

std::string LowerCase(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

StatusError Refused(const User& user, const std::string& other) {
  StatusError error;
  error.code = 403;
  error.reason = "Forbidden";
  error.name = other;
  error.kind = "users";
  error.message = "users " + json::Quote(other) + " is forbidden: User " + json::Quote(user.name) +
                  " cannot impersonate resource \"users\" in API group \"\" at the cluster scope";
  return error;
}

}  // namespace

Outcome<User> Impersonate(const http::Request& request, User user) {
  User other;
  bool named = false;
  bool asked = false;
  for (const auto& [name, value] : request.headers.all()) {
    const std::string header = LowerCase(name);
    if (!header.starts_with("impersonate-")) continue;
    asked = true;
    if (header == "impersonate-user") {
      named = !value.empty();
      other.name = value;
    } else if (header == "impersonate-uid") {
      other.uid = value;
    } else if (header == "impersonate-group") {
      other.groups.push_back(value);
    }
  }
  if (!asked) return user;
  if (!named) return BadRequest("Impersonate-User is needed beside other headers that begin with Impersonate-");
  if (other.groups.size() > kGroupsMax) return BadRequest("at most 256 headers Impersonate-Group are accepted");
  const bool master = std::find(user.groups.begin(), user.groups.end(), kMasters) != user.groups.end();
  return master ? Outcome<User>(std::move(other)) : Refused(user, other.name);
}

}  // namespace asya::apiserver
