// KedaServer: KEDA's ExternalScaler service over gRPC, for as long as this lives.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "scaling/external_scaler.h"

namespace asya::scaling {

inline constexpr std::size_t kRequestBytesMax = 64U << 10U;
inline constexpr std::size_t kHeaderBytesMax = 16U << 10U;

struct KedaIdentity {
  std::string certificate_pem;  // chain
  std::string key_pem;
};

struct KedaListen {
  std::string address;                         // an IP address
  std::uint16_t port = 0;                      // 0: a free one
  std::optional<KedaIdentity> tls;             // none: plaintext
  std::chrono::milliseconds stop_grace{2000};  // for streams to end cleanly and calls to be answered; then they are cut
};

class KedaServer {
 public:
  // `scaler` and `metrics` live longer. kUnavailable: the address is taken; kInvalid: the identity is none.
  static Result<std::unique_ptr<KedaServer>> Start(const KedaListen& listen, ExternalScaler& scaler,
                                                   observe::Metrics& metrics, observe::Logger logger);
  // As Stop.
  ~KedaServer();
  KedaServer(const KedaServer&) = delete;
  KedaServer& operator=(const KedaServer&) = delete;

  // Bound address, such as "127.0.0.1:6000".
  [[nodiscard]] std::string address() const;
  // From now on connections get this one. Those that are open end, their streams cleanly, so that KEDA comes back at
  // once. What was served before goes on where it fails. By one thread at a time.
  Status ReplaceTls(const KedaIdentity& identity);
  // Streams end cleanly, calls under way are answered. Idempotent.
  void Stop();

 private:
  struct Parts;
  explicit KedaServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace asya::scaling
