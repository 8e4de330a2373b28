// SecretStore: an object store whose Secrets lie encrypted in the one below it.
#pragma once

#include <memory>
#include <string>

#include "apiserver/access/current.h"
#include "core/base/result.h"
#include "core/http/sealing_keys.h"
#include "ports/object_store.h"
#include "storage/sealed/object_store.h"

namespace asya::server {

class SecretStore {
 public:
  // `key_text` as http::SealingKeys reads it: the first key seals, all of them open. `below` lives longer.
  static Result<std::unique_ptr<SecretStore>> Make(ports::ObjectStore& below, const std::string& key_text);

  [[nodiscard]] ports::ObjectStore& objects() { return objects_; }
  // From the next seal on. Where the text cannot be read, nothing changes. Thread safe.
  Status ReplaceKeys(const std::string& key_text);

 private:
  using Keys = apiserver::Current<http::SealingKeys>;
  SecretStore(ports::ObjectStore& below, std::shared_ptr<Keys> keys);

  std::shared_ptr<Keys> keys_;
  storage::sealed::ObjectStore objects_;
};

}  // namespace asya::server
