// ServingSecret: the certificate of a server behind kube-apiserver, where nobody gives it one: made, kept in one Secret
// of its namespace, which all replicas share, and exchanged in time without a gap.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/kubernetes/client.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/http/server.h"
#include "core/observe/log.h"
#include "server/repeated.h"

namespace asya::server {

inline constexpr const char* kServingSecretName = "asya-serving";
inline constexpr std::chrono::hours kServingAuthorityLife{365 * 24};
inline constexpr std::chrono::hours kServingCertificateLife{90 * 24};
// For which an authority is known to kube-apiserver, and to all replicas, before anything that it signed is served.
inline constexpr std::chrono::minutes kNextAuthorityKnown{10};

// What the Secret holds.
struct Serving {
  http::TlsIdentity identity;  // that is served; signed by `authority`
  std::string names;           // of it, with commas
  http::TlsIdentity authority;
  std::optional<http::TlsIdentity> next;  // signs nothing yet
  WallTime next_since{};
  std::string old_pem{};  // the authority before: a replica may serve what it signed for a moment yet

  // All authorities that kube-apiserver has to believe.
  [[nodiscard]] std::string Bundle() const;
};

// What is to be in the Secret after `before` (none: it is not there): the same until two thirds of a certificate's life
// are over. A new authority comes in as `next`, and is used once it has been known for a while and `in_place` says that
// kube-apiserver has it.
Result<Serving> Renewed(const std::optional<Serving>& before, const std::string& names, WallTime now,
                        const std::function<bool(const std::string& pem)>& in_place);

// The CAs by which others know the certificate in use. Thread safe.
class ServingCa {
 public:
  explicit ServingCa(std::string pem) : pem_(std::move(pem)) {}
  void Use(std::string pem) {
    const std::lock_guard lock(mutex_);
    pem_ = std::move(pem);
  }
  // kUnavailable until there are some.
  Result<std::string> Pem() {
    const std::lock_guard lock(mutex_);
    if (pem_.empty()) return Fail(ErrorCode::kUnavailable, "the server has no certificate yet that others could trust");
    return pem_;
  }

 private:
  std::mutex mutex_;
  std::string pem_;
};

class ServingSecret {
 public:
  static constexpr std::chrono::seconds kPeriod{15};  // between looks

  struct Parts {
    cluster::kubernetes::Client& client;  // lives longer
    const Clock& clock;                   // lives longer
    observe::Logger logger;
    std::string names;  // by which kube-apiserver calls the server, with commas
    std::function<bool(const std::string& pem)> in_place;
    std::function<Status(const Serving&)> use;  // is told of what is new in the Secret
  };
  explicit ServingSecret(Parts parts);

  // Looks at once and then every kPeriod.
  void Start() { repeated_.Start(); }
  // Idempotent.
  void Stop() { repeated_.Stop(); }
  // One look, on this thread: makes, renews and uses. Of several servers that write at once one wins, and all use its.
  // A Secret that was deleted is written again as it was; one that cannot be read leaves what is in use.
  Status Look();
  // kUnavailable until the one of the Secret is in use: what is shown before that nobody believes. Any thread.
  [[nodiscard]] Status Ready() const;

 private:
  // `raced`: it failed since another replica wrote in between.
  Result<Serving> Shared(bool& raced);
  Status Write(const json::Value* found, const json::Object& data);
  Status Use(Serving serving);

  const Parts parts_;
  std::optional<Serving> used_;
  std::atomic<bool> ready_ = false;
  Repeated repeated_;
};

}  // namespace asya::server
