#include <algorithm>
#include <deque>
#include <utility>

#include "apiserver/options.h"
#include "apiserver/revision.h"
#include "apiserver/verbs.h"

namespace asya::apiserver {
namespace {

using ports::HistoryEntry;

constexpr std::int64_t kHistoryLimit = 100;
constexpr std::int64_t kHistoryLimitMax = 1000;
constexpr std::int64_t kHistoryReadEntries = 16;         // at a time, since each holds a whole object
constexpr std::size_t kHistoryAnswerBytes = 16U << 20U;  // from there on the answer continues

// Reads from the newest to the oldest.
class HistoryReader {
 public:
  HistoryReader(const Context& context, const Call& call, std::optional<ports::Revision> upto)
      : context_(context), call_(call), query_{call.Key(), UidOf(call), upto, std::nullopt, kHistoryReadEntries} {}

  // nullopt at the end.
  Outcome<std::optional<HistoryEntry>> Next() {
    if (read_.empty() && !ended_) {
      auto entries = context_.store.History(query_);
      if (!entries.ok()) return FromStore(entries.error(), *call_.resource, call_.info.name);
      for (const HistoryEntry& entry : *entries) {
        ASYA_TRY([[maybe_unused]] const Done checked, CheckEntry(entry));
      }
      ended_ = static_cast<std::int64_t>(entries->size()) < query_.limit;
      if (!entries->empty()) query_.upto = ports::Revision(entries->back().revision.get() - 1);
      std::move(entries->begin(), entries->end(), std::back_inserter(read_));
    }
    if (read_.empty()) return std::optional<HistoryEntry>();
    std::optional<HistoryEntry> next(std::move(read_.front()));
    read_.pop_front();
    return next;
  }

 private:
  const Context& context_;
  const Call& call_;
  ports::HistoryQuery query_;
  std::deque<HistoryEntry> read_;
  bool ended_ = false;
};

// `before`: the one before it; nullptr where none is kept.
std::string Shown(const Resource& resource, const HistoryEntry& entry, const HistoryEntry* before) {
  json::Object head = HeadOf(entry);
  if (before != nullptr && before->uid == entry.uid) {
    PutChanges(resource, ContentOf(ObjectOf(*before)), ContentOf(ObjectOf(entry)), head);
  }
  std::string text = json::Dump(head);
  text.back() = ',';
  return text + "\"object\":" + *entry.json + "}";
}

http::Response Listed(const Resource& resource, const std::string& items, const std::string& next) {
  http::Response response;
  const json::Object metadata = next.empty() ? json::Object{} : json::Object{{"continue", next}};
  response.body = R"({"kind":"HistoryList","apiVersion":")" + resource.ApiVersion() + R"(","metadata":)" +
                  json::Dump(metadata) + R"(,"items":[)" + items + "]}";
  return response;
}

// The one revision that was live at a time.
Outcome<http::Response> GetLiveAt(const Context& context, const Call& call, const std::string& text) {
  const auto at = ParseRfc3339(text);
  if (!at) {
    return BadRequest("at: \"" + text +
                      "\" is no time; RFC 3339 is accepted, as 2026-11-28T21:45:00Z (a + in a URL is %2B)");
  }
  constexpr std::int64_t kWithTheOneBefore = 2;
  const auto entries = context.store.History({call.Key(), UidOf(call), std::nullopt, at, kWithTheOneBefore});
  if (!entries.ok()) return FromStore(entries.error(), *call.resource, call.info.name);
  const std::string what = call.resource->Qualified() + " \"" + call.info.name + "\"";
  StatusError none = NotFound(*call.resource, call.info.name);
  if (entries->empty()) {
    ASYA_TRY([[maybe_unused]] const HistoryEntry any, LastRevision(context, call, UidOf(call)));
    none.message = what + " was not there at " + text + ", as far as its history goes back";
    return none;
  }
  for (const HistoryEntry& entry : *entries) {
    ASYA_TRY([[maybe_unused]] const Done checked, CheckEntry(entry));
  }
  const HistoryEntry& live = entries->front();
  if (Deletes(live)) {
    none.message = what + " was not live at " + text + ": " + live.author.user + " deleted it at " +
                   FormatRfc3339(live.at, true) + " (revision " + std::to_string(live.revision.get()) + ")";
    return none;
  }
  return Listed(*call.resource, Shown(*call.resource, live, entries->size() > 1 ? &entries->back() : nullptr), "");
}

}  // namespace

// Newest first; also of an object that is gone. Each entry with what it changed.
Outcome<http::Response> GetHistory(const Context& context, Call& call) {
  ASYA_TRY(const ListOptions options, ParseListOptions(call.request, call.info, false));
  if (const auto at = call.request.Query("at")) return GetLiveAt(context, call, *at);
  const std::int64_t limit = options.limit == 0 ? kHistoryLimit : std::min(options.limit, kHistoryLimitMax);
  std::optional<ports::Revision> from;
  if (!options.continue_token.empty()) {
    ASYA_TRY(from, ParseRevisionNumber("continue", options.continue_token));
  }
  HistoryReader reader(context, call, from);
  ASYA_TRY(std::optional<HistoryEntry> entry, reader.Next());
  if (!entry && !from) return NotFound(*call.resource, call.info.name);
  std::string items;
  for (std::int64_t shown = 0; entry && shown < limit && items.size() < kHistoryAnswerBytes; ++shown) {
    ASYA_TRY(std::optional<HistoryEntry> before, reader.Next());
    if (shown > 0) items += ',';
    items += Shown(*call.resource, *entry, before ? &*before : nullptr);
    entry = std::move(before);
  }
  return Listed(*call.resource, items, entry ? std::to_string(entry->revision.get()) : "");
}

}  // namespace asya::apiserver
