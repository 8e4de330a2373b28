// UnixAddress: sockets at a path of any length, though the kernel's address holds 107 bytes.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/base/unique_fd.h"

namespace asya::transports::sqlite {

// A non-blocking listening socket with mode 0600; replaces what an earlier owner left at the path.
Result<UniqueFd> ListenAt(const std::string& path);
// A non-blocking connected socket. kUnavailable: nobody listens there (now).
Result<UniqueFd> ConnectTo(const std::string& path);

}  // namespace asya::transports::sqlite
