#include "apiserver/object.h"
#include "apiserver/options.h"
#include "apiserver/verbs.h"

namespace asya::apiserver {

Outcome<Done> ReachRevision(const Context& context, const Call& call, ports::Revision asked) {
  if (asked.get() == 0) return Done{};
  const auto reached = context.store.Reached(asked);
  if (!reached.ok()) return FromStore(reached.error(), *call.resource, call.info.name);
  if (*reached) return Done{};
  const auto head = context.store.Head();
  if (!head.ok()) return FromStore(head.error(), *call.resource, call.info.name);
  return TooLargeRevision(std::to_string(asked.get()), std::to_string(head->get()));
}

Outcome<http::Response> GetObject(const Context& context, Call& call) {
  const std::string revision = call.request.Query("resourceVersion").value_or("");
  const auto at_least = ParseRevision(revision);
  if (!at_least) return BadRequest("Invalid value: \"" + revision + "\": resourceVersion must be a decimal number");
  ASYA_TRY([[maybe_unused]] const Done reached, ReachRevision(context, call, ports::Revision(*at_least)));
  const auto record = revision.empty() ? context.store.Get(call.Key())
                                       : context.store.GetNotOlder(call.Key(), ports::Revision(*at_least));
  if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
  return AnswerObject(context, call, 200, BytesOf(*record));
}

}  // namespace asya::apiserver
