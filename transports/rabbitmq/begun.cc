#include "transports/rabbitmq/begun.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "transports/rabbitmq/memory.h"
#include "transports/rabbitmq/topology.h"

namespace asya::transports::rabbitmq {

// The name of an actor's queue may be as long as any name can be.
std::string Begun::NameOf(std::uint64_t print, std::int64_t number) const {
  const std::uint64_t whose = Memory::PrintOf(actor_queue_, std::to_string(print));
  return std::string(kBegunPrefix) + std::to_string(whose) + "." + std::to_string(number);
}

void Begun::Write(std::uint64_t print, std::int64_t number, Done done) {
  calls_.Call(DeclareBegun(NameOf(print, number), kPardonedFor), [done = std::move(done)](const Result<Method>&) {
    done();
  });
}

void Begun::Remove(std::uint64_t print, std::int64_t number, Done done) {
  calls_.Call(DeleteQueue(NameOf(print, number)), [done = std::move(done)](const Result<Method>&) { done(); });
}

void Begun::RemoveAll(std::uint64_t print, std::int64_t last) {
  const std::int64_t end = std::min<std::int64_t>(last + 1, kPardonableLossesMax);
  for (std::int64_t number = 0; number < end; ++number) Remove(print, number, [] {});
}

void Begun::Count(std::uint64_t print, LossSet among, Counted counted) {
  struct Answers {
    std::size_t missing = 1;  // until all were asked
    std::int64_t found = 0;
  };
  const auto answers = std::make_shared<Answers>();
  const auto answered = [answers, counted = std::move(counted)](bool found) {
    if (found) ++answers->found;
    if (--answers->missing == 0) counted(answers->found);
  };
  for (int number = 0; number < kPardonableLossesMax; ++number) {
    if ((among & LossNumber(number)) == 0) continue;
    ++answers->missing;
    calls_.Call(DeclareQueue(NameOf(print, number), Existing::kPassive, {}),
                [answered](const Result<Method>& there) { answered(there.ok()); });
  }
  answered(false);
}

}  // namespace asya::transports::rabbitmq
