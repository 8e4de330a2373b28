#include "core/http/sealing_keys.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

#include "core/base/base64.h"
#include "core/base/base64url.h"
#include "core/base/sha256.h"

namespace asya::http {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kIdDigits = 8;
constexpr std::size_t kTextBytesMax = 64U << 20U;  // far below what OpenSSL's int can count
constexpr std::string_view kForm = "1.";

struct Freeing {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, Freeing>;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
int Size(std::string_view text) { return static_cast<int>(text.size()); }

Result<std::string> RandomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(Bytes(bytes), static_cast<int>(count)) == 1) return bytes;
  ERR_clear_error();
  return Fail(ErrorCode::kInternal, "OpenSSL has no random bytes");
}

}  // namespace

Result<SealingKeys> SealingKeys::Parse(std::string_view text) {
  SealingKeys keys;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) continue;
    auto bytes = DecodeBase64(line);
    if (!bytes || bytes->size() != kKeyBytes) {
      return Invalid("", "line " + std::to_string(number) +
                             ": 32 bytes in base64 are accepted, as `openssl rand -base64 32` prints them");
    }
    if (keys.keys_.size() == kSealingKeysMax) {
      return Invalid("", "at most " + std::to_string(kSealingKeysMax) + " keys are accepted");
    }
    // Of a hash of the hash, so that nobody can try keys against what names them any faster than against a seal.
    const std::string id = Sha256Hex(Sha256Hex(*bytes)).substr(0, kIdDigits);
    keys.keys_.push_back({id, std::move(*bytes)});
  }
  if (keys.keys_.empty()) return Invalid("", "no key; one line of `openssl rand -base64 32` is accepted");
  return keys;
}

Result<std::string> SealingKeys::NewLine() {
  ASYA_TRY(const std::string bytes, RandomBytes(kKeyBytes));
  return EncodeBase64(bytes) + "\n";
}

Result<std::string> SealingKeys::Seal(std::string_view text, std::string_view bound_to) const {
  if (text.size() > kTextBytesMax) return Invalid("", "the text is too large to be sealed");
  const Key& key = keys_.front();
  ASYA_TRY(const std::string nonce, RandomBytes(kNonceBytes));
  const Context context(EVP_CIPHER_CTX_new());
  std::string sealed(text.size() + kTagBytes, '\0');
  int size = 0;
  int rest = 0;
  const bool good =
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key.bytes), Bytes(nonce)) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, Bytes(bound_to), Size(bound_to)) == 1 &&
      EVP_EncryptUpdate(context.get(), Bytes(sealed), &size, Bytes(text), Size(text)) == 1 &&
      EVP_EncryptFinal_ex(context.get(), Bytes(sealed) + size, &rest) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, Bytes(sealed) + text.size()) == 1;
  ERR_clear_error();
  if (!good) return Fail(ErrorCode::kInternal, "OpenSSL could not seal");
  return std::string(kForm) + key.id + "." + EncodeBase64Url(nonce + sealed);
}

Result<std::string> SealingKeys::Open(std::string_view sealed, std::string_view bound_to) const {
  constexpr std::size_t kHead = kForm.size() + kIdDigits + 1;
  const bool whole = sealed.size() >= kHead && sealed.starts_with(kForm) && sealed[kHead - 1] == '.';
  if (!whole) return Invalid("", "this is not sealed");
  const std::string_view id = sealed.substr(kForm.size(), kIdDigits);
  const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& one) { return one.id == id; });
  if (key == keys_.end()) {
    return Fail(ErrorCode::kNotFound,
                "it is sealed under a key (" + std::string(id) + ") that is not among those given");
  }
  auto bytes = DecodeBase64Url(sealed.substr(kHead));
  if (!bytes || bytes->size() < kNonceBytes + kTagBytes || bytes->size() > kTextBytesMax * 2) {
    return Invalid("", "what was sealed is cut");
  }
  const std::size_t count = bytes->size() - kNonceBytes - kTagBytes;
  const Context context(EVP_CIPHER_CTX_new());
  std::string text(count, '\0');
  const unsigned char* begin = Bytes(*bytes);
  int size = 0;
  int rest = 0;
  const bool good =
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, Bytes(key->bytes), begin) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, Bytes(bound_to), Size(bound_to)) == 1 &&
      EVP_DecryptUpdate(context.get(), Bytes(text), &size, begin + kNonceBytes, static_cast<int>(count)) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, Bytes(*bytes) + kNonceBytes + count) == 1 &&
      EVP_DecryptFinal_ex(context.get(), Bytes(text) + size, &rest) == 1;
  ERR_clear_error();
  if (!good) return Invalid("", "what was sealed has been changed, or belongs elsewhere");
  return text;
}

}  // namespace asya::http
