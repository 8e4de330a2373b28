#include "apiserver/object.h"
#include "apiserver/options.h"
#include "apiserver/verbs.h"

namespace asya::apiserver {

Outcome<http::Response> GetObject(const Context& context, Call& call) {
  const std::string revision = call.request.Query("resourceVersion").value_or("");
  const auto at_least = ParseRevision(revision);
  if (!at_least) return BadRequest("Invalid value: \"" + revision + "\": resourceVersion must be a decimal number");
  if (*at_least > 0) {
    const auto head = context.store.Head();
    if (!head.ok()) return FromStore(head.error(), *call.resource, call.info.name);
    if (head->get() < *at_least) return TooLargeRevision(revision, std::to_string(head->get()));
  }
  const auto record = context.store.Get(call.Key());
  if (!record.ok()) return FromStore(record.error(), *call.resource, call.info.name);
  return AnswerObject(context, call, 200, BytesOf(*record));
}

}  // namespace asya::apiserver
