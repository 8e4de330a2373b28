#include <optional>
#include <utility>

#include "apiserver/revision.h"
#include "apiserver/verbs.h"

namespace asya::apiserver {
namespace {

using ports::HistoryEntry;

json::Value Side(const std::optional<HistoryEntry>& entry, const json::Value& content) {
  if (!entry) return nullptr;
  json::Object side = HeadOf(*entry);
  side["object"] = content;
  return side;
}

}  // namespace

// Of ?from= to ?to=; without `to` the newest, without `from` the one before `to`.
Outcome<http::Response> GetDiff(const Context& context, Call& call) {
  const auto uid = UidOf(call);
  const auto given = [&](const char* name) -> Outcome<std::optional<HistoryEntry>> {
    const std::string text = call.request.Query(name).value_or("");
    if (text.empty()) return std::optional<HistoryEntry>();
    ASYA_TRY(const ports::Revision revision, ParseRevisionNumber(name, text));
    ASYA_TRY(auto found, FindRevision(context, call, uid, revision));
    return std::optional<HistoryEntry>(std::move(found));
  };
  ASYA_TRY(std::optional<HistoryEntry> from, given("from"));
  ASYA_TRY(std::optional<HistoryEntry> to, given("to"));
  if (!to) {
    ASYA_TRY(to, LastRevision(context, call, uid));
  }
  if (!from) {
    ASYA_TRY(from, RevisionBefore(context, call, *to));
  }
  const json::Value before = from ? ContentOf(ObjectOf(*from)) : json::Value();
  const json::Value after = ContentOf(ObjectOf(*to));
  json::Object metadata{{"name", call.info.name}};
  if (!call.info.namespace_.empty()) metadata["namespace"] = call.info.namespace_;
  json::Object diff{{"kind", "Diff"},
                    {"apiVersion", call.resource->ApiVersion()},
                    {"metadata", std::move(metadata)},
                    {"from", Side(from, before)},
                    {"to", Side(to, after)}};
  if (from) PutChanges(*call.resource, before, after, diff);
  http::Response response;
  response.body = json::Dump(diff);
  return response;
}

}  // namespace asya::apiserver
