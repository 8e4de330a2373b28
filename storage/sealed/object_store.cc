#include "storage/sealed/object_store.h"

#include <utility>

#include "core/json/split.h"
#include "core/json/value.h"

namespace asya::storage::sealed {
namespace {

using ports::Event;
using ports::Record;

constexpr const char* kSealed = "sealed";  // the member in place of all others
constexpr char kBetween = '\n';            // stands in no JSON without white space

void Add(std::string& members, const json::Member& member) {
  if (!members.empty()) members += ',';
  members += json::Quote(member.key) + ":" + std::string(member.value);
}

// The members of an object by where they belong; each list is text as it stands between braces.
struct Parted {
  std::string head;         // apiVersion and kind
  std::string metadata;     // without annotations
  std::string annotations;  // the member itself, or nothing
  std::string rest;
};

Result<Parted> Part(std::string_view text) {
  Parted parted;
  ASYA_TRY(const std::vector<json::Member> members, json::Split(text));
  for (const json::Member& member : members) {
    if (member.key != "metadata") {
      Add(member.key == "apiVersion" || member.key == "kind" ? parted.head : parted.rest, member);
      continue;
    }
    ASYA_TRY(const std::vector<json::Member> inner, json::Split(member.value));
    for (const json::Member& one : inner) Add(one.key == "annotations" ? parted.annotations : parted.metadata, one);
  }
  return parted;
}

std::string Joined(const Parted& parted) {
  std::string metadata = parted.annotations;
  if (!metadata.empty() && !parted.metadata.empty()) metadata += ',';
  metadata += parted.metadata;
  return "{" + parted.head + ",\"metadata\":{" + metadata + "}" + (parted.rest.empty() ? "" : ",") + parted.rest + "}";
}

std::string PlaceOf(const ports::ObjectKey& key, const std::string& uid) {
  return key.resource + "/" + key.namespace_ + "/" + key.name + "/" + uid;
}

using Text = std::shared_ptr<const std::string>;

Result<Text> Close(const Seal& seal, const Text& json, const std::string& place) {
  ASYA_TRY(Parted parted, Part(*json));
  ASYA_TRY(const std::string sealed, seal.Close(parted.annotations + kBetween + parted.rest, place));
  parted.annotations.clear();
  parted.rest = json::Quote(kSealed) + ":" + json::Quote(sealed);
  return std::make_shared<const std::string>(Joined(parted));
}

Error Unreadable(const std::string& place, const std::string& why) {
  return {ErrorCode::kInternal, place.substr(0, place.rfind('/')) + " cannot be opened: " + why, {}};
}

Result<Text> Open(const Seal& seal, const Text& json, const std::string& place) {
  ASYA_TRY(Parted parted, Part(*json));
  // {"sealed":"…"}: what stands between the last two quotes has nothing to unescape.
  const std::string opening = json::Quote(kSealed) + ":\"";
  if (!parted.rest.starts_with(opening) || parted.rest.size() < opening.size() + 1) {
    return Unreadable(place, "it is not sealed");
  }
  const std::string_view sealed = std::string_view(parted.rest).substr(opening.size());
  const auto opened = seal.Open(sealed.substr(0, sealed.size() - 1), place);
  if (!opened.ok()) return Unreadable(place, opened.error().message);
  const std::size_t between = opened->find(kBetween);
  if (between == std::string::npos) return Unreadable(place, "it was sealed by something else");
  parted.annotations = opened->substr(0, between);
  parted.rest = opened->substr(between + 1);
  return std::make_shared<const std::string>(Joined(parted));
}

Status OpenRecord(const Seal& seal, Record& record) {
  ASYA_TRY(record.json, Open(seal, record.json, PlaceOf(record.key, record.uid)));
  return Ok();
}

Result<Event> OpenEvent(const Seal& seal, const Event& event) {
  Event opened = event;
  if (event.type == Event::Type::kBookmark) return opened;
  ASYA_TRY_STATUS(OpenRecord(seal, opened.record));
  if (event.previous == nullptr) return opened;
  Record previous = *event.previous;
  ASYA_TRY_STATUS(OpenRecord(seal, previous));
  opened.previous = std::make_shared<const Record>(std::move(previous));
  return opened;
}

}  // namespace

// Called on the store's thread alone.
class ObjectStore::OpeningSink final : public ports::WatchSink {
 public:
  OpeningSink(std::shared_ptr<const Seal> seal, std::shared_ptr<ports::WatchSink> next)
      : seal_(std::move(seal)), next_(std::move(next)) {}

  void OnEvents(std::span<const Event> events) override {
    if (closed_) return;
    std::vector<Event> opened;
    opened.reserve(events.size());
    for (const Event& event : events) {
      auto one = OpenEvent(*seal_, event);
      if (!one.ok()) {
        if (!opened.empty()) next_->OnEvents(opened);
        return OnClosed(one.error());
      }
      opened.push_back(std::move(one).value());
    }
    next_->OnEvents(opened);
  }
  void OnClosed(const Error& error) override {
    if (!std::exchange(closed_, true)) next_->OnClosed(error);
  }

 private:
  const std::shared_ptr<const Seal> seal_;
  const std::shared_ptr<ports::WatchSink> next_;
  bool closed_ = false;
};

ObjectStore::ObjectStore(ports::ObjectStore& inner, std::set<std::string> resources, std::unique_ptr<const Seal> seal)
    : inner_(inner), resources_(std::move(resources)), seal_(std::move(seal)) {}

Status ObjectStore::CloseRecord(Record& record) const {
  if (!Seals(record.key.resource)) return Ok();
  ASYA_TRY(record.json, Close(*seal_, record.json, PlaceOf(record.key, record.uid)));
  return Ok();
}

Result<Record> ObjectStore::Opened(Result<Record> record) const {
  if (record.ok() && Seals(record->key.resource)) ASYA_TRY_STATUS(OpenRecord(*seal_, *record));
  return record;
}

Result<Record> ObjectStore::Create(Record record, const ports::Author& author) {
  ASYA_TRY_STATUS(CloseRecord(record));
  return Opened(inner_.Create(std::move(record), author));
}

Result<Record> ObjectStore::Update(Record record, const ports::Precondition& precondition,
                                   const ports::Author& author) {
  ASYA_TRY_STATUS(CloseRecord(record));
  return Opened(inner_.Update(std::move(record), precondition, author));
}

Result<Record> ObjectStore::Delete(const ports::ObjectKey& key, const ports::Precondition& precondition,
                                   const ports::Author& author) {
  return Opened(inner_.Delete(key, precondition, author));
}

Result<Record> ObjectStore::Get(const ports::ObjectKey& key) { return Opened(inner_.Get(key)); }

Result<Record> ObjectStore::GetNotOlder(const ports::ObjectKey& key, ports::Revision than) {
  return Opened(inner_.GetNotOlder(key, than));
}

Result<ports::Page> ObjectStore::List(const ports::ListQuery& query) {
  auto page = inner_.List(query);
  if (!page.ok() || !Seals(query.resource)) return page;
  ports::Records opened;
  opened.reserve(page->items.size());
  for (Record record : page->items) {
    ASYA_TRY_STATUS(OpenRecord(*seal_, record));
    opened.push_back(std::move(record));
  }
  page->items = std::move(opened);
  return page;
}

Result<ports::Revision> ObjectStore::Head() { return inner_.Head(); }

Result<bool> ObjectStore::Reached(ports::Revision revision) { return inner_.Reached(revision); }

Result<std::shared_ptr<void>> ObjectStore::Watch(const ports::WatchQuery& query, ports::Revision from,
                                                 std::shared_ptr<ports::WatchSink> sink) {
  if (Seals(query.resource)) sink = std::make_shared<OpeningSink>(seal_, std::move(sink));
  return inner_.Watch(query, from, std::move(sink));
}

Result<std::vector<ports::HistoryEntry>> ObjectStore::History(const ports::HistoryQuery& query) {
  auto entries = inner_.History(query);
  if (!entries.ok() || !Seals(query.key.resource)) return entries;
  for (ports::HistoryEntry& entry : *entries) {
    ASYA_TRY(entry.json, Open(*seal_, entry.json, PlaceOf(entry.key, entry.uid)));
  }
  return entries;
}

Status ObjectStore::Compact(ports::Revision upto) { return inner_.Compact(upto); }

}  // namespace asya::storage::sealed
