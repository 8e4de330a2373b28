#include <algorithm>
#include <functional>
#include <memory>
#include <string>
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

// An answer that is larger is sent while it is made: its making and its way to the client then overlap, and no more of
// it than this is held in memory.
constexpr std::size_t kPieceBytes = 128U << 10U;
constexpr std::size_t kPieceOfBytes = 1U << 20U;  // of objects that a piece is made of, whose rows may be short
constexpr std::size_t kUsualItemBytes = 1U << 10U;

// The bytes of a list, in pieces.
class ListBody {
 public:
  // Puts the bytes of an item at the end of a piece.
  using Append = std::function<void(const ports::Record& record, std::string& bytes)>;
  ListBody(ports::Page page, std::string opening, Append append)
      : page_(std::move(page)), opening_(std::move(opening)), append_(std::move(append)) {}

  // Empty when all has been given.
  std::string Next() {
    std::string piece = std::exchange(opening_, {});
    piece.reserve(piece.size() +
                  std::min((page_.items.size() - next_) * kUsualItemBytes, kPieceBytes + kPieceBytes / 4));
    std::size_t looked_at_bytes = 0;
    while (next_ < page_.items.size() && piece.size() < kPieceBytes && looked_at_bytes < kPieceOfBytes) {
      if (next_ > 0) piece += ',';
      looked_at_bytes += page_.items[next_].json->size();
      append_(page_.items[next_++], piece);
    }
    if (next_ == page_.items.size() && !std::exchange(closed_, true)) piece += "]}";
    return piece;
  }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  ports::Page page_;
  std::string opening_;
  const Append append_;
  std::size_t next_ = 0;
  bool closed_ = false;
};

Outcome<std::shared_ptr<ListBody>> Body(const Context& context, const Call& call, ports::Page page) {
  const std::string metadata = ListMetadata(page);
  const std::string version = call.accepted.version;
  const auto opening = [&](const std::string& kind, const std::string& api_version) {
    return R"({"kind":")" + kind + R"(","apiVersion":")" + api_version + R"(","metadata":)" + metadata +
           R"(,"items":[)";
  };
  const auto made = [&page](std::string first, ListBody::Append append) {
    return std::make_shared<ListBody>(std::move(page), std::move(first), std::move(append));
  };
  // Of one record after another, for what is made of their bytes.
  auto bytes_of = [writer = BytesWriter(),
                   object = std::string()](const ports::Record& record) mutable -> const std::string& {
    object.clear();
    writer.Append(record, object);
    return object;
  };
  switch (call.accepted.shape) {
    case Shape::kObject:
      return made(opening(call.resource->kind.kind + "List", call.resource->ApiVersion()),
                  [writer = BytesWriter()](const ports::Record& record, std::string& bytes) mutable {
                    writer.Append(record, bytes);
                  });
    case Shape::kPartialObjectList:
      return made(opening("PartialObjectMetadataList", "meta.k8s.io/" + version),
                  [bytes_of, version](const ports::Record& record, std::string& bytes) mutable {
                    AppendPartialObject(bytes_of(record), version, bytes);
                  });
    case Shape::kTable: {
      ASYA_TRY(const TableWriter table, TableWriter::Create(*call.resource, call.request, version));
      return made(table.Opening(metadata), [bytes_of, table, now = context.clock.Now()](const ports::Record& record,
                                                                                        std::string& bytes) mutable {
        table.AppendRow(bytes_of(record), now, bytes);
      });
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
  ASYA_TRY(const std::shared_ptr<ListBody> body, Body(context, call, std::move(page)));
  response.body = body->Next();
  if (!body->closed()) response.more = [body] { return body->Next(); };
  AddWarnings(call, response);
  return response;
}

}  // namespace asya::apiserver
