// RemoteBroker: a broker that this server reaches over the network, connected for as long as this lives.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/local/config_values.h"
#include "core/base/clock.h"
#include "core/json/value.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"

namespace asya::server {

class RemoteBroker {
 public:
  virtual ~RemoteBroker() = default;
  virtual ports::QueueAdmin& admin() = 0;
  virtual ports::Publisher& publisher() = 0;
  // The largest body that its queues take, as far as the Transport says.
  [[nodiscard]] virtual std::size_t MessageLimitBytes() const = 0;
};

// By an Administration of a transport, which has Start() and Stop().
template <class Administration>
class RemoteBrokerOf final : public RemoteBroker {
 public:
  template <class Settings>
  RemoteBrokerOf(const Settings& settings, const Clock& clock) : administration_(settings, clock) {
    administration_.Start();
  }
  ~RemoteBrokerOf() override { administration_.Stop(); }
  ports::QueueAdmin& admin() override { return administration_; }
  ports::Publisher& publisher() override { return administration_; }
  [[nodiscard]] std::size_t MessageLimitBytes() const override { return administration_.MessageLimitBytes(); }

 private:
  Administration administration_;
};

// Whether Transports of this type are reached over the network by this server.
bool IsRemoteType(const std::string& type);
// kNotFound, kInvalid: what the Transport names, e.g. a Secret, is not there. Does not wait for the broker.
Result<std::unique_ptr<RemoteBroker>> ConnectRemote(const json::Value& transport,
                                                    const cluster::local::ConfigSources& secrets, const Clock& clock);

// What the makers of single types share; each makes one of the Transport's `spec.TYPE`.

// A field of that block as text.
std::string BlockText(const json::Value& block, const char* field, const std::string& fallback);
// A key of a Secret, and the variable that a relay has it under; the server's own variable counts where no file is.
struct SecretKey {
  std::string key;
  std::string variable;
};
// Values of the administrator's Secret, else of the relays', by their variables; none where the block names no Secret.
Result<cluster::local::Variables> BlockSecret(const json::Value& transport, const json::Value& block,
                                              const std::vector<SecretKey>& keys,
                                              const cluster::local::ConfigSources& secrets);

}  // namespace asya::server
