#include <algorithm>

#include "apiserver/options.h"
#include "apiserver/verbs.h"

namespace asya::apiserver {
namespace {

constexpr std::int64_t kHistoryLimit = 100;
constexpr std::int64_t kHistoryLimitMax = 1000;

std::string Entry(const ports::HistoryEntry& entry) {
  const json::Object head{{"revision", std::to_string(entry.revision.get())},
                          {"time", FormatRfc3339(entry.at, true)},
                          {"uid", entry.uid},
                          {"user", entry.author.user},
                          {"userAgent", entry.author.user_agent},
                          {"verb", entry.author.verb}};
  std::string text = json::Dump(head);
  text.back() = ',';
  return text + "\"object\":" + *entry.json + "}";
}

}  // namespace

// Newest first; also of an object that is gone, by name or by ?uid=.
Outcome<http::Response> GetHistory(const Context& context, Call& call) {
  ASYA_TRY(const ListOptions options, ParseListOptions(call.request, call.info, false));
  const std::int64_t limit = options.limit == 0 ? kHistoryLimit : std::min(options.limit, kHistoryLimitMax);
  const auto entries = context.store.History({call.Key(), call.request.Query("uid"), {}, {}, limit});
  if (!entries.ok()) return FromStore(entries.error(), *call.resource, call.info.name);
  if (entries->empty()) return NotFound(*call.resource, call.info.name);
  http::Response response;
  response.body =
      R"({"kind":"HistoryList","apiVersion":")" + call.resource->ApiVersion() + R"(","metadata":{},"items":[)";
  bool first = true;
  for (const ports::HistoryEntry& entry : *entries) {
    if (!first) response.body += ',';
    first = false;
    response.body += Entry(entry);
  }
  response.body += "]}";
  return response;
}

}  // namespace asya::apiserver
