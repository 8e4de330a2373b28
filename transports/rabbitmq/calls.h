// Calls: questions to the broker on a channel of their own, answered in order; a refusal costs the channel, not us.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "transports/rabbitmq/link.h"

namespace asya::transports::rabbitmq {

constexpr std::chrono::seconds kReplyLimit{30};  // a question unanswered for longer ends its link

class Calls {
 public:
  // kNotFound: there is no such queue or exchange. kConflict: it is there, otherwise than asked for, or in use.
  // kForbidden. The message is the broker's.
  using Done = std::function<void(Result<Method>)>;

  // `link` outlives this; `channel` belongs to this.
  Calls(Link& link, std::uint16_t channel, const Clock& clock) : link_(link), channel_(channel), clock_(clock) {}

  // Before the link is open the question waits for Open().
  void Call(std::string method, Done done);
  // The link has opened.
  void Open();
  // Whether the arrival was for this channel.
  bool Take(const Arrival& arrival);
  // When the link is to be given up, since the first of the questions that wait is not answered; SteadyTime::max() when
  // none does, and while the broker is blocked: it then reads nothing from us.
  [[nodiscard]] SteadyTime deadline() const;
  // The link is gone: everybody who waits gets this.
  void Fail(const Error& error);

 private:
  struct Asked {
    std::string method;
    Done done;
    SteadyTime asked_at;
  };
  void Transmit(const Asked& asked);
  void OnClosed(const Method& close);

  Link& link_;
  const std::uint16_t channel_;
  const Clock& clock_;
  bool opened_ = false;
  std::deque<Asked> asked_;  // bounded by the callers: one a queue, an exchange or a test of existence
};

// The broker's limit for a message in the reason of a refusal: "message size 200 is larger than configured max size
// 100".
std::optional<std::size_t> MessageLimitIn(std::string_view reason);

// What a channel.close means to whoever asked.
Error ErrorOfClose(const Method& close);

}  // namespace asya::transports::rabbitmq
