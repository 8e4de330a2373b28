#include "transports/rabbitmq/pardon_channel.h"

#include <utility>

#include "core/base/random.h"
#include "transports/rabbitmq/topology.h"

namespace asya::transports::rabbitmq {
namespace {

constexpr std::uint16_t kPardonChannel = 3;
constexpr std::size_t kNameBytes = 8;

}  // namespace

PardonChannel::PardonChannel(Link& link, Calls& calls, std::string actor_queue, Pardons& pardons, const Clock& clock)
    : link_(link),
      calls_(calls),
      actor_queue_(std::move(actor_queue)),
      pardons_(pardons),
      clock_(clock),
      // A new one for each link: the broker may not have noticed the end of the one before.
      own_queue_(std::string(kPardonExchange) + "." + RandomHex(kNameBytes)) {}

void PardonChannel::Open() {
  std::vector<std::string> methods = DeclarePardons(own_queue_, actor_queue_, kUnreadNoticesMax);
  for (std::size_t i = 0; i < methods.size(); ++i) {
    const bool last = i + 1 == methods.size();
    calls_.Call(std::move(methods[i]), [this, last](const Result<Method>& answer) {
      if (!answer.ok()) {
        closed_ = true;
        forbidden_ = forbidden_ || answer.error().code == ErrorCode::kForbidden;
      }
      if (last && !closed_) Listen();
    });
  }
}

void PardonChannel::Listen() {
  link_.Send(kPardonChannel, OpenChannel());
  link_.Send(kPardonChannel, Consume(own_queue_, "pardons", Acks::kNone));
  listening_ = true;
}

void PardonChannel::Ask(const Pardon& known) {
  if (questions_.size() < kQuestionsMax) questions_.push_back(known);
}

void PardonChannel::Pump() {
  if (!listening_ || closed_) return;
  while (pardons_.has_untold()) Send({Notice::Kind::kTold, pardons_.TakeUntold(clock_.Steady())});
  if (!questions_.empty()) Send({Notice::Kind::kAsked, std::exchange(questions_, {})});
}

void PardonChannel::Send(const Notice& notice) {
  if (notice.pardons.empty()) return;
  Properties properties;
  properties.persistent = false;
  properties.message_id = own_queue_;
  link_.Send(kPardonChannel, Publish(kPardonExchange, actor_queue_));
  link_.SendContent(kPardonChannel, properties, WriteNotice(notice));
}

bool PardonChannel::Take(const Arrival& arrival) {
  if (arrival.channel != kPardonChannel) return false;
  switch (arrival.method.id) {
    case MethodId::kDeliver: {
      if (arrival.properties.message_id == own_queue_) return true;
      const auto notice = ReadNotice(arrival.body);
      if (notice.ok()) OnNotice(*notice);
      return true;
    }
    case MethodId::kChannelClose:
      link_.Send(kPardonChannel, Plain(MethodId::kChannelCloseOk));
      closed_ = true;
      return true;
    case MethodId::kCancel:
      closed_ = true;
      return true;
    default:
      return true;
  }
}

void PardonChannel::OnNotice(const Notice& notice) {
  const SteadyTime now = clock_.Steady();
  for (const Pardon& pardon : notice.pardons) {
    const LossSet more = pardons_.Of(pardon.print, now) & ~pardon.losses;
    pardons_.Learn(pardon, now);
    if (notice.kind == Notice::Kind::kAsked) pardons_.Grant({pardon.print, more}, now);
  }
}

}  // namespace asya::transports::rabbitmq
