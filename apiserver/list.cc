#include <utility>

#include "apiserver/continue_token.h"
#include "apiserver/object.h"
#include "apiserver/options.h"
#include "apiserver/table.h"
#include "apiserver/verbs.h"

namespace asya::apiserver {
namespace {

using ports::Revision;

StatusError ExpiredPage(const ContinueToken& token) {
  StatusError error = Expired(
      "The provided continue parameter is too old to display a consistent list result. You can start a new list "
      "without "
      "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
      "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
      "deleted between the time the first chunk was returned and now may show up in the list.");
  error.continue_token = EncodeContinueToken({-1, token.namespace_, token.name});
  return error;
}

// The page that the options ask for, at the revision they ask for.
Outcome<ports::Page> ReadPage(const Context& context, const Call& call, const ListOptions& options) {
  ports::ListQuery query{call.resource->kind.plural, options.namespace_, options.selector, options.limit, {}, {}};
  std::optional<ContinueToken> token;
  if (!options.continue_token.empty()) {
    // The token says at which revision its pages are.
    if (options.RevisionNumber() > 0) {
      return BadRequest("specifying resource version is not allowed when using continue");
    }
    auto decoded = DecodeContinueToken(options.continue_token);
    if (!decoded.ok()) return BadRequest(decoded.error().message);
    token = std::move(decoded).value();
    query.after = KeyOf(*call.resource, token->namespace_, token->name);
    query.at = Revision(token->revision);
  } else if (!options.revision.empty()) {
    const Revision asked(options.RevisionNumber());
    ASYA_TRY([[maybe_unused]] const Done reached, ReachRevision(context, call, asked));
    const bool exact = options.revision_match == "Exact" || (options.revision_match.empty() && options.limit > 0);
    if (exact && asked.get() > 0) {
      query.after = ports::ObjectKey{call.resource->kind.plural, "", ""};
      query.at = asked;
    } else {
      query.not_older_than = asked;
    }
  }
  if (token && token->revision < 0) {
    const auto head = context.store.Head();
    if (!head.ok()) return FromStore(head.error(), *call.resource, "");
    query.at = *head;
  }
  auto page = context.store.List(query);
  if (page.ok()) return std::move(page).value();
  if (page.error().code == ErrorCode::kExpired && token) return ExpiredPage(*token);
  return FromStore(page.error(), *call.resource, "");
}

std::string ListMetadata(const ports::Page& page) {
  json::Object metadata{{"resourceVersion", std::to_string(page.revision.get())}};
  if (page.more && !page.items.empty()) {
    const ports::ObjectKey& last = page.items.back().key;
    metadata["continue"] = EncodeContinueToken({page.revision.get(), last.namespace_, last.name});
    if (page.remaining) metadata["remainingItemCount"] = *page.remaining;
  }
  return json::Dump(metadata);
}

// The items after `opening`, and `closing`, in one piece that is written once.
std::string JoinItems(const ports::Page& page, const std::string& opening, std::string_view closing,
                      const std::function<void(const ports::Record&, std::string&)>& append) {
  std::size_t size = opening.size() + closing.size();
  for (const ports::Record& record : page.items) size += record.json->size() + kRevisionBytes + 1;
  std::string bytes;
  bytes.reserve(size);
  bytes += opening;
  for (const ports::Record& record : page.items) {
    if (&record != &page.items.front()) bytes += ',';
    append(record, bytes);
  }
  bytes += closing;
  return bytes;
}

Outcome<std::string> Body(const Context& context, const Call& call, const ports::Page& page) {
  const std::string metadata = ListMetadata(page);
  const std::string& version = call.accepted.version;
  const auto opening = [&](const std::string& kind, const std::string& api_version) {
    return R"({"kind":")" + kind + R"(","apiVersion":")" + api_version + R"(","metadata":)" + metadata +
           R"(,"items":[)";
  };
  BytesWriter writer;
  std::string object;  // of one after another, for what is made of their bytes
  const auto bytes_of = [&](const ports::Record& record) -> const std::string& {
    object.clear();
    writer.Append(record, object);
    return object;
  };
  switch (call.accepted.shape) {
    case Shape::kObject:
      return JoinItems(page, opening(call.resource->kind.kind + "List", call.resource->ApiVersion()), "]}",
                       [&](const ports::Record& record, std::string& bytes) { writer.Append(record, bytes); });
    case Shape::kPartialObjectList:
      return JoinItems(page, opening("PartialObjectMetadataList", "meta.k8s.io/" + version), "]}",
                       [&](const ports::Record& record, std::string& bytes) {
                         AppendPartialObject(bytes_of(record), version, bytes);
                       });
    case Shape::kTable: {
      ASYA_TRY(const TableWriter table, TableWriter::Create(*call.resource, call.request, version));
      const WallTime now = context.clock.Now();
      return JoinItems(
          page, table.Opening(metadata), TableWriter::kClosing,
          [&](const ports::Record& record, std::string& bytes) { table.AppendRow(bytes_of(record), now, bytes); });
    }
    case Shape::kPartialObject:
      break;
  }
  return NotAcceptable("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json");
}

}  // namespace

Outcome<http::Response> ListObjects(const Context& context, Call& call) {
  ASYA_TRY(const ListOptions options, ParseListOptions(call.request, call.info, false));
  ports::Page page;
  if (options.selects_nothing) {
    const auto head = context.store.Head();
    if (!head.ok()) return FromStore(head.error(), *call.resource, "");
    page.revision = *head;
  } else {
    ASYA_TRY(page, ReadPage(context, call, options));
  }
  http::Response response;
  ASYA_TRY(response.body, Body(context, call, page));
  AddWarnings(call, response);
  return response;
}

}  // namespace asya::apiserver
