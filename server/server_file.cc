#include "server/server_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/base/unique_fd.h"
#include "core/json/value.h"

namespace asya::server {
namespace {

Status WritePrivately(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file.valid()) return Fail(ErrorCode::kUnavailable, "cannot write " + fresh + ": " + std::strerror(errno));
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::write(file.get(), text.data() + done, text.size() - done);
    if (wrote < 0) return Fail(ErrorCode::kUnavailable, "cannot write " + fresh + ": " + std::strerror(errno));
    done += static_cast<std::size_t>(wrote);
  }
  if (::fsync(file.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) {
    return Fail(ErrorCode::kUnavailable, "cannot write " + path + ": " + std::strerror(errno));
  }
  return Ok();
}

}  // namespace

Status WriteServerFile(const std::string& path, const ServerFile& file) {
  const json::Object object = {{"url", file.url},     {"tlsUrl", file.tls_url}, {"ca", file.ca_pem},
                               {"token", file.token}, {"pid", file.pid},        {"version", file.version}};
  return WritePrivately(path, json::DumpPretty(object) + "\n");
}

Result<std::string> KeepSecret(const std::string& path, const std::string& fresh) {
  // Whatever else keeps it from being read: another one in its place would be worse.
  struct stat seen {};
  if (::stat(path.c_str(), &seen) != 0 && errno == ENOENT) {
    ASYA_TRY_STATUS(WritePrivately(path, fresh));
    return fresh;
  }
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || text.str().empty())
    return Fail(ErrorCode::kUnavailable,
                path + " is empty or cannot be read; bring it back, or remove it to have a new one");
  return text.str();
}

}  // namespace asya::server
