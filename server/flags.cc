#include "server/flags.h"

#include <arpa/inet.h>

#include <algorithm>

namespace asya::server {
namespace {

Error Unknown(const std::string& name, const std::map<std::string, FlagSetter>& flags) {
  std::string known;
  for (const auto& [one, unused] : flags) known += (known.empty() ? "" : ", ") + one;
  return Invalid(name, "unknown option; " + known + " are accepted");
}

bool IsAddress(const std::string& text) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, text.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

}  // namespace

std::vector<Error> ParseFlags(const std::vector<std::string>& arguments,
                              const std::map<std::string, FlagSetter>& flags) {
  std::vector<Error> errors;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto equals = arguments[i].find('=');
    const std::string name = arguments[i].substr(0, equals);
    const auto flag = flags.find(name);
    if (flag == flags.end()) {
      errors.push_back(Unknown(name, flags));
      continue;
    }
    if (equals == std::string::npos && i + 1 == arguments.size()) {
      errors.push_back(Invalid(name, "needs a value"));
      continue;
    }
    const std::string value = equals == std::string::npos ? arguments[++i] : arguments[i].substr(equals + 1);
    if (const Status set = flag->second(value); !set.ok()) errors.push_back(set.error());
  }
  return errors;
}

FlagSetter TextFlag(std::string& place) {
  return [&place](const std::string& value) {
    place = value;
    return Ok();
  };
}

FlagSetter AllOrNoneFlag(const char* flag, bool& place) {
  return [flag, &place](const std::string& value) -> Status {
    if (value != "all" && value != "none") {
      return Invalid(flag, "got \"" + value + "\"; all or none is accepted");
    }
    place = value == "all";
    return Ok();
  };
}

FlagSetter LevelFlag(observe::Level& place) {
  return [&place](const std::string& text) -> Status {
    const std::map<std::string, observe::Level> kLevels = {{"DEBUG", observe::Level::kDebug},
                                                           {"INFO", observe::Level::kInfo},
                                                           {"WARNING", observe::Level::kWarning},
                                                           {"ERROR", observe::Level::kError}};
    const auto found = kLevels.find(text);
    if (found == kLevels.end()) {
      return Invalid("--log-level", "got \"" + text + "\"; DEBUG, INFO, WARNING or ERROR is accepted");
    }
    place = found->second;
    return Ok();
  };
}

Result<ListenAddress> ParseListen(const std::string& flag, const std::string& text) {
  const auto colon = text.rfind(':');
  ListenAddress listen{text.substr(0, colon), 0};
  const bool bracketed = listen.address.size() > 2 && listen.address.front() == '[' && listen.address.back() == ']';
  if (bracketed) listen.address = listen.address.substr(1, listen.address.size() - 2);
  const bool bare_v6 = !bracketed && listen.address.find(':') != std::string::npos;
  if (colon == std::string::npos || bare_v6 || !IsAddress(listen.address)) {
    return Invalid(flag,
                   "got \"" + text + "\"; an IP address and a port are accepted, such as 0.0.0.0:6443 or [::]:6443");
  }
  ASYA_TRY(listen.port, ParsePort(flag, text.substr(colon + 1)));
  return listen;
}

Result<std::uint16_t> ParsePort(const std::string& flag, const std::string& text) {
  const bool digits = !text.empty() && text.size() <= 5 &&
                      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const int value = digits ? std::stoi(text) : -1;
  if (value < 0 || value > 65535) {
    return Invalid(flag, "got \"" + text + "\"; 0 (a free port) to 65535 is accepted");
  }
  return static_cast<std::uint16_t>(value);
}

}  // namespace asya::server
