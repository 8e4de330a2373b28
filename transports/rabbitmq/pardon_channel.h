// PardonChannel: where the relays of one actor tell each other their pardons, on a channel of the publishing link.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "transports/rabbitmq/calls.h"
#include "transports/rabbitmq/link.h"
#include "transports/rabbitmq/pardons.h"

namespace asya::transports::rabbitmq {

constexpr std::size_t kQuestionsMax = 256;        // that wait for the channel to open; one more is not asked
constexpr std::int64_t kUnreadNoticesMax = 1024;  // of one relay; the broker drops the oldest

// Each relay listens at a queue of its own, bound by the name of the actor's queue. A notice may get lost: what was not
// told is asked for before it matters, and what several relays would forget is written down in the message. Without the
// permissions for it a relay works as if it were alone.
class PardonChannel {
 public:
  // All outlive this; `actor_queue` is the full name.
  PardonChannel(Link& link, Calls& calls, std::string actor_queue, Pardons& pardons, const Clock& clock);

  // Begins to listen; the link is open.
  void Open();
  // Asks whether anybody knows of more.
  void Ask(const Pardon& known);
  // Tells what is to be told, once it listens. To be called once a turn.
  void Pump();
  // Nothing is left to tell, or nobody to tell it to.
  [[nodiscard]] bool idle() const { return closed_ || !pardons_.has_untold(); }
  // The broker does not allow it.
  [[nodiscard]] bool forbidden() const { return forbidden_; }
  // Whether the arrival was for this channel.
  bool Take(const Arrival& arrival);

 private:
  void Listen();
  void Send(const Notice& notice);
  void OnNotice(const Notice& notice);

  Link& link_;
  Calls& calls_;
  const std::string actor_queue_;
  Pardons& pardons_;
  const Clock& clock_;
  const std::string own_queue_;
  bool closed_ = false;
  bool forbidden_ = false;
  bool listening_ = false;
  std::vector<Pardon> questions_;
};

}  // namespace asya::transports::rabbitmq
