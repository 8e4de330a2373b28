#include "transports/sqlite/unix_address.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace asya::transports::sqlite {
namespace {

constexpr int kBacklog = 1024;

// The address of a path; a long one is reached through an open descriptor of its folder.
struct Address {
  sockaddr_un raw{};
  UniqueFd folder;
};

Error Failed(const std::string& path, const char* what) {
  return Fail(ErrorCode::kUnavailable, path + ": " + what + ": " + std::strerror(errno));
}

Result<Address> AddressOf(const std::string& path) {
  Address address;
  address.raw.sun_family = AF_UNIX;
  std::string shown = path;
  if (path.size() >= sizeof(address.raw.sun_path)) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return Invalid("", path + ": a socket's name has at most 107 bytes");
    address.folder = UniqueFd(open(path.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!address.folder.valid()) return Failed(path, "the folder cannot be opened");
    shown = "/proc/self/fd/" + std::to_string(address.folder.get()) + path.substr(slash);
    if (shown.size() >= sizeof(address.raw.sun_path)) return Invalid("", path + ": the socket's file name is too long");
  }
  std::memcpy(address.raw.sun_path, shown.c_str(), shown.size() + 1);
  return address;
}

}  // namespace

Result<UniqueFd> ListenAt(const std::string& path) {
  ASYA_TRY(const Address address, AddressOf(path));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Failed(path, "no socket");
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return Failed(path, "the old socket cannot be removed");
  // On Linux the mode of the file bind() makes is that of the socket, so that it is never open to others.
  if (fchmod(fd.get(), 0600) != 0) return Failed(path, "mode cannot be set");
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.raw), sizeof(address.raw)) != 0) {
    return Failed(path, "cannot be bound");
  }
  if (chmod(path.c_str(), 0600) != 0) return Failed(path, "mode cannot be set");
  if (listen(fd.get(), kBacklog) != 0) return Failed(path, "cannot listen");
  return fd;
}

Result<UniqueFd> ConnectTo(const std::string& path) {
  ASYA_TRY(const Address address, AddressOf(path));
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Failed(path, "no socket");
  // A Unix socket connects at once or not at all.
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.raw), sizeof(address.raw)) != 0) {
    return Failed(path, "cannot connect");
  }
  return fd;
}

}  // namespace asya::transports::sqlite
