#include "server/secret_store.h"

#include <set>
#include <utility>

#include "reconcilers/objects.h"

namespace asya::server {
namespace {

class KeySeal final : public storage::sealed::Seal {
 public:
  explicit KeySeal(std::shared_ptr<const apiserver::Current<http::SealingKeys>> keys) : keys_(std::move(keys)) {}
  [[nodiscard]] Result<std::string> Close(std::string_view text, std::string_view bound_to) const override {
    return keys_->Get()->Seal(text, bound_to);
  }
  [[nodiscard]] Result<std::string> Open(std::string_view sealed, std::string_view bound_to) const override {
    return keys_->Get()->Open(sealed, bound_to);
  }

 private:
  const std::shared_ptr<const apiserver::Current<http::SealingKeys>> keys_;
};

}  // namespace

SecretStore::SecretStore(ports::ObjectStore& below, std::shared_ptr<Keys> keys)
    : keys_(std::move(keys)),
      objects_(below, std::set<std::string>{reconcilers::kSecrets}, std::make_unique<KeySeal>(keys_)) {}

Result<std::unique_ptr<SecretStore>> SecretStore::Make(ports::ObjectStore& below, const std::string& key_text) {
  ASYA_TRY(http::SealingKeys keys, http::SealingKeys::Parse(key_text));
  return std::unique_ptr<SecretStore>(new SecretStore(below, std::make_shared<Keys>(std::move(keys))));
}

Status SecretStore::ReplaceKeys(const std::string& key_text) {
  ASYA_TRY(http::SealingKeys next, http::SealingKeys::Parse(key_text));
  keys_->Put(std::move(next));
  return Ok();
}

}  // namespace asya::server
