// directory::Store: payloads as files of one folder that all relays and the server see: of this machine, or shared.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ports/claim_store.h"

namespace asya::claims::directory {

// "{root}/{folder}/{name}". A file appears whole: it is written under another name, synced, and then renamed. The
// timeouts are not kept: a file system that hangs holds up its caller.
class Store final : public ports::ClaimStore {
 public:
  // `root` is absolute, and is made when it is first written to.
  explicit Store(std::string root) : root_(std::move(root)) {}

  Result<bool> Put(const ports::ClaimKey& key, std::string_view payload, std::chrono::milliseconds timeout) override;
  Result<std::string> Get(const ports::ClaimKey& key, std::size_t limit_bytes,
                          std::chrono::milliseconds timeout) override;
  Status SetMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) override;
  Result<bool> HasMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) override;
  // In the order of the names.
  Result<std::vector<ports::ClaimFolder>> List(const std::string& after, std::size_t limit,
                                               std::chrono::milliseconds timeout) override;
  Result<ports::ClaimFolder> Look(const std::string& folder, std::chrono::milliseconds timeout) override;
  Status Remove(const std::string& folder, const std::vector<std::string>& names,
                std::chrono::milliseconds timeout) override;

 private:
  [[nodiscard]] std::string FolderOf(const ports::ClaimKey& key) const;
  // Makes the folder where it is missing.
  Status WriteInto(const std::string& folder, const std::string& name, std::string_view content);
  Status Write(const std::string& folder, const std::string& name, std::string_view content);

  const std::string root_;
};

}  // namespace asya::claims::directory
