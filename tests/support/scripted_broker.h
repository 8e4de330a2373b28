// ScriptedBroker: speaks enough AMQP for a consumer to begin, and then says what the test wants, however wrong.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "core/base/unique_fd.h"
#include "transports/rabbitmq/frames.h"

namespace asya::tests {

// The links of a consumer, by the last word of their names.
inline constexpr const char* kTakes = "takes";
inline constexpr const char* kPublishes = "publishes";

class ScriptedBroker {
 public:
  using MethodId = transports::rabbitmq::MethodId;

  ScriptedBroker();
  ~ScriptedBroker();
  ScriptedBroker(const ScriptedBroker&) = delete;
  ScriptedBroker& operator=(const ScriptedBroker&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // Such methods get no answer from now on, or again.
  void Mute(MethodId id, bool muted = true);
  // Waits until links of this name have sent the method so often, all together; false when patience ends.
  bool WaitFor(const std::string& link, MethodId id, int times = 1);
  [[nodiscard]] int Count(const std::string& link, MethodId id);
  // Sends bytes over the newest link of this name, as they are.
  void Send(const std::string& link, const std::string& bytes);
  // A message on the taking link, for the consumer tag that came last.
  void Deliver(std::uint64_t tag, const std::string& body);
  [[nodiscard]] std::string ConsumerTag();

  // One method of the broker as a frame; `fields` follow its number.
  static std::string Method(std::uint16_t channel, MethodId id, const std::string& fields = "");
  static std::string Confirm(std::uint64_t tag);
  static std::string Delivery(const std::string& consumer_tag, std::uint64_t tag, const std::string& body);

 private:
  struct Peer {
    UniqueFd fd;
    std::string in;
    std::string link;
    bool greeted = false;
  };
  void Serve();
  // False: the peer is gone or speaks nonsense.
  bool Read(Peer& peer);
  void Take(Peer& peer, const transports::rabbitmq::Frame& frame);
  [[nodiscard]] std::string AnswerTo(Peer& peer, std::uint16_t channel, MethodId id, std::string_view fields);
  static void Write(const Peer& peer, const std::string& bytes);

  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::list<Peer> peers_;
  std::set<MethodId> muted_;
  std::map<std::pair<std::string, MethodId>, int> counts_;
  std::string consumer_tag_;
  std::uint64_t published_ = 0;  // on the newest publishing link
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace asya::tests
