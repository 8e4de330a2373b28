#include <limits>
#include <utility>

#include "apiserver/delete_options.h"
#include "apiserver/object.h"
#include "apiserver/options.h"
#include "apiserver/remove.h"
#include "apiserver/verbs.h"

namespace asya::apiserver {
namespace {

constexpr std::size_t kCollectionPage = 500;

std::string Success(const Call& call, const std::string& uid) {
  json::Object details{{"name", call.info.name}, {"kind", call.resource->kind.plural}, {"uid", uid}};
  if (!call.resource->group.empty()) details["group"] = call.resource->group;
  return json::Dump(json::Object{{"kind", "Status"},
                                 {"apiVersion", "v1"},
                                 {"metadata", json::Object{}},
                                 {"status", "Success"},
                                 {"details", std::move(details)}});
}

}  // namespace

Outcome<http::Response> DeleteObject(const Context& context, Call& call) {
  ASYA_TRY(const DeleteOptions options, ParseDeleteOptions(call));
  if (call.resource == &Namespaces() && call.info.name == "default") {
    return Forbidden(*call.resource, call.info.name, "this namespace may not be deleted");
  }
  ASYA_TRY(const Removed removed, Remove(context, call, options.remove));
  if (!removed.gone) return AnswerObject(context, call, options.old_cascade ? 202 : 200, removed.bytes);
  http::Response response;
  response.body = Success(call, removed.uid);
  AddWarnings(call, response);
  return response;
}

namespace {

// Deletes what is on the page, at most `left` of it, and adds it to `items`.
Outcome<Done> DeletePage(const Context& context, const Call& call, const RemoveOptions& options,
                         const ports::Page& page, std::int64_t& left, std::string& items) {
  for (const ports::Record& record : page.items) {
    if (left-- <= 0) break;
    Call one = call;
    one.info.name = record.key.name;
    one.info.namespace_ = record.key.namespace_;
    const auto removed = Remove(context, one, options);
    if (!removed.ok() && removed.error().code != 404) return removed.error();
    items += (items.empty() ? "" : ",") + (removed.ok() ? removed->bytes : BytesOf(record));
  }
  return Done{};
}

}  // namespace

Outcome<http::Response> DeleteCollection(const Context& context, Call& call) {
  ASYA_TRY(const DeleteOptions options, ParseDeleteOptions(call));
  ASYA_TRY(const ListOptions selection, ParseListOptions(call.request, call.info, false));
  std::string items;
  ports::ListQuery query{call.resource->kind.plural, selection.namespace_, selection.selector, kCollectionPage, {}, {}};
  bool more = !selection.selects_nothing;
  std::string revision = "1";
  std::int64_t left = selection.limit == 0 ? std::numeric_limits<std::int64_t>::max() : selection.limit;
  while (more && left > 0) {
    const auto page = context.store.List(query);
    if (!page.ok()) return FromStore(page.error(), *call.resource, "");
    revision = std::to_string(page->revision.get());
    ASYA_TRY([[maybe_unused]] const Done deleted, DeletePage(context, call, options.remove, *page, left, items));
    more = page->more && !page->items.empty();
    if (more) {
      query.after = page->items.back().key;
      query.at = page->revision;
    }
  }
  http::Response response;
  response.body = R"({"kind":")" + call.resource->kind.kind + R"(List","apiVersion":")" + call.resource->ApiVersion() +
                  R"(","metadata":{"resourceVersion":")" + revision + R"("},"items":[)" + items + "]}";
  return response;
}

}  // namespace asya::apiserver
