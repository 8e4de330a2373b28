// Flags: arguments of the form `--name value` or `--name=value`, each mistake told with what is accepted.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/observe/log.h"

namespace asya::server {

using FlagSetter = std::function<Status(const std::string& value)>;

// All mistakes; those of a setter are passed on. A flag that is given twice is set twice.
std::vector<Error> ParseFlags(const std::vector<std::string>& arguments,
                              const std::map<std::string, FlagSetter>& flags);

FlagSetter TextFlag(std::string& place);
// DEBUG, INFO, WARNING or ERROR.
// Of parts that come together: all or none is accepted.
FlagSetter AllOrNoneFlag(const char* flag, bool& place);
FlagSetter LevelFlag(observe::Level& place);
struct ListenAddress {
  std::string address;  // an IP address
  std::uint16_t port = 0;
};
// "ADDRESS:PORT", with brackets around an IPv6 address; `flag` is named in the mistake.
Result<ListenAddress> ParseListen(const std::string& flag, const std::string& text);
// 0 (a free port) to 65535; `flag` is named in the mistake.
Result<std::uint16_t> ParsePort(const std::string& flag, const std::string& text);

}  // namespace asya::server
