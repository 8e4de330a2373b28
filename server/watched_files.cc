#include "server/watched_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace asya::server {
namespace {

observe::Counter ReloadCounter(observe::Metrics& metrics, const std::string& what, const char* outcome) {
  return metrics.MakeCounter("asya_server_reloads_total", "Changed files that were put to use, or could not be.",
                             {{"what", what}, {"outcome", outcome}});
}

}  // namespace

Result<std::string> ReadSmallFile(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return Fail(ErrorCode::kNotFound, "cannot read \"" + path + "\": " + std::strerror(errno));
  }
  if (S_ISDIR(info.st_mode)) return Fail(ErrorCode::kInvalid, "\"" + path + "\" is a folder; a file is accepted");
  std::ifstream in(path, std::ios::binary);
  if (!in) return Fail(ErrorCode::kUnavailable, "cannot read \"" + path + "\": " + std::strerror(errno));
  std::string text(kWatchedFileBytesMax + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kWatchedFileBytesMax) {
    return Fail(ErrorCode::kTooLarge,
                "\"" + path + "\" is larger than " + std::to_string(kWatchedFileBytesMax) + " bytes");
  }
  return text;
}

WatchedFiles::WatchedFiles(observe::Logger logger, observe::Metrics& metrics)
    : logger_(std::move(logger)), metrics_(metrics), periodic_([this] {
        CheckNow();
        return Periodic::Every(kPeriod);
      }) {}

void WatchedFiles::Add(const std::string& what, std::vector<std::string> paths, std::vector<std::string> texts,
                       Apply apply) {
  groups_.push_back(Group{what, std::move(paths), std::move(texts), "", std::move(apply),
                          ReloadCounter(metrics_, what, "taken"), ReloadCounter(metrics_, what, "refused")});
}

void WatchedFiles::CheckNow() {
  for (Group& group : groups_) Check(group);
}

void WatchedFiles::Check(Group& group) {
  std::vector<std::string> texts;
  for (const std::string& path : group.paths) {
    auto text = ReadSmallFile(path);
    if (!text.ok()) {
      group.unreadable = true;
      return Refuse(group, text.error().message);
    }
    texts.push_back(std::move(text).value());
  }
  if (std::exchange(group.unreadable, false)) group.trouble.clear();
  if (texts == group.seen) return;
  group.seen = std::move(texts);
  const Status applied = group.apply(group.seen);
  if (!applied.ok()) return Refuse(group, applied.error().message);
  group.trouble.clear();
  group.taken.Add();
  logger_.Info("changed files are in use", {{"what", group.what}});
}

void WatchedFiles::Refuse(Group& group, const std::string& trouble) {
  if (std::exchange(group.trouble, trouble) == trouble) return;
  group.refused.Add();
  logger_.Error("changed files cannot be used; what was read before stays in use",
                {{"what", group.what}, {"error", trouble}});
}

}  // namespace asya::server
