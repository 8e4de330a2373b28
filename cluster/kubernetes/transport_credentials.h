// TransportCredentials: the Secrets of Transports, read from the cluster, and their copies for pods.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "cluster/kubernetes/client.h"
#include "cluster/subscribers.h"
#include "core/base/clock.h"
#include "core/base/periodic.h"
#include "core/observe/log.h"
#include "ports/credentials.h"

namespace asya::cluster::kubernetes {

// Thread safe. Secrets are read one by one, by name: nothing here needs the right to list them.
class TransportCredentials final : public ports::Credentials {
 public:
  // Between two looks at a Secret that a Transport names.
  static constexpr std::chrono::seconds kLook{15};
  // How long a copy is taken to be as it was seen.
  static constexpr std::chrono::seconds kCopyTrusted{5};

  struct Settings {
    std::string namespace_;  // of Secrets that are named without one
    Values
        own;  // the server's own environment, which counts where the cluster has no such Secret or shows it to nobody
  };
  // `client` and `clock` live longer.
  TransportCredentials(Client& client, Settings settings, const Clock& clock, observe::Logger log);
  ~TransportCredentials() override;
  TransportCredentials(const TransportCredentials&) = delete;
  TransportCredentials& operator=(const TransportCredentials&) = delete;

  // Begins to look again at the Secrets that were asked for.
  void Start();
  // Idempotent.
  void Stop();

  Result<Values> ForServer(const json::Value& transport) override;
  Result<std::string> Provide(const json::Value& transport, const std::string& namespace_) override;
  Status Withdraw(const std::string& transport, const std::string& namespace_) override;
  [[nodiscard]] std::shared_ptr<void> Subscribe(std::function<void(const std::string&)> on_change) override;

  // Looks at all Secrets that were asked for. For tests, instead of Start.
  void LookAgain();

 private:
  struct Place {
    std::string namespace_;
    std::string name;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  using Data = std::map<std::string, std::string>;  // by key, in base64 as the cluster gives it
  struct Seen {
    Result<Data> data;
    SteadyTime at;
    std::map<std::string, SteadyTime> users;  // names of Transports, and when each asked last
  };
  struct Copy {
    std::string version;
    Data data;
    SteadyTime at;
  };

  [[nodiscard]] Place PlaceOf(const json::Value& reference) const;
  // Has a Secret that was read before looked at on.
  void Use(const Place& place, const json::Value& transport);
  // What was seen within kLook, else what is there now.
  Result<Data> Read(const Place& place, const std::string& transport);
  Result<Data> Fetch(const Place& place);
  // What counts now that `data` was fetched. Whoever finds a change first tells of it: for the next it is none.
  Result<Data> Keep(const Place& place, Result<Data> data);
  // The keys that the type of the Transport needs.
  Result<Data> Needed(const Place& place, const json::Value& transport);
  Result<std::string> MakeCopy(const Place& copy, const std::string& transport, const Data& data);

  Client& client_;
  const Settings settings_;
  const Clock& clock_;
  const observe::Logger log_;
  Subscribers subscribers_;
  std::mutex mutex_;
  std::map<Place, Seen> seen_;
  std::map<Place, Copy> copies_;
  Periodic looks_;
};

}  // namespace asya::cluster::kubernetes
