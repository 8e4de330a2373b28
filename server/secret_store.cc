#include "server/secret_store.h"

#include <utility>

#include "core/http/sealing_keys.h"
#include "reconcilers/objects.h"
#include "storage/sealed/object_store.h"

namespace asya::server {
namespace {

class KeySeal final : public storage::sealed::Seal {
 public:
  explicit KeySeal(http::SealingKeys keys) : keys_(std::move(keys)) {}
  [[nodiscard]] Result<std::string> Close(std::string_view text, std::string_view bound_to) const override {
    return keys_.Seal(text, bound_to);
  }
  [[nodiscard]] Result<std::string> Open(std::string_view sealed, std::string_view bound_to) const override {
    return keys_.Open(sealed, bound_to);
  }

 private:
  const http::SealingKeys keys_;
};

}  // namespace

Result<std::unique_ptr<ports::ObjectStore>> MakeSecretStore(ports::ObjectStore& below, const std::string& key_text) {
  ASYA_TRY(http::SealingKeys keys, http::SealingKeys::Parse(key_text));
  return std::unique_ptr<ports::ObjectStore>(std::make_unique<storage::sealed::ObjectStore>(
      below, std::set<std::string>{reconcilers::kSecrets}, std::make_unique<KeySeal>(std::move(keys))));
}

}  // namespace asya::server
