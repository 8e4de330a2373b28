#include "cluster/kubernetes/informer.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/kubernetes/served.h"
#include "core/base/percent.h"
#include "core/json/parse.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr std::int64_t kGoneStatus = 410;

std::string VersionText(const json::Value& list) { return MetadataOf(list, "resourceVersion"); }

Error RefusalOf(const json::Value& status) {
  const bool expired = status.GetInt("code") == kGoneStatus;
  return Fail(expired ? ErrorCode::kExpired : ErrorCode::kUnavailable,
              "the watch was refused: " + status.GetString("message").value_or("no reason was given"));
}

}  // namespace

Informer::Informer(Kind kind, std::string selector, const Parts& parts,
                   std::function<void(const std::set<std::string>&)> on_change)
    : kind_(std::move(kind)),
      selector_(std::move(selector)),
      client_(parts.client),
      cache_(parts.cache),
      clock_(parts.clock),
      random_(parts.random),
      log_(parts.log),
      metrics_(parts.metrics, kind_.resource),
      on_change_(std::move(on_change)),
      state_(Fail(ErrorCode::kUnavailable, "the " + kind_.resource + " of the cluster are not known yet")) {}

Informer::~Informer() { Stop(); }

void Informer::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Informer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status Informer::Ready() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Informer::Run() {
  auto pause = kRetryMin;
  while (!stopping_) {
    const SteadyTime begun = clock_.Steady();
    const Status outcome = ListAndWatch();
    if (stopping_) return;
    if (clock_.Steady() - begun > kRetryMax) pause = kRetryMin;
    if (!outcome.ok() && outcome.error().code != ErrorCode::kExpired) {
      log_.Warning("objects of the cluster cannot be followed",
                   {{"resource", kind_.resource}, {"error", outcome.error().message}});
    }
    if (!Wait(pause)) return;
    pause = std::min(pause * 2, kRetryMax);
  }
}

Status Informer::ListAndWatch() {
  auto listed = List();
  // A cluster without KEDA may get it at any time.
  if (!listed.ok() && IsMissing()) {
    const std::set<std::string> owners = cache_.Forget(kind_.name);
    SetState(Ok());
    Tell(owners);
    return Wait(kRetryMax) ? Fail(ErrorCode::kExpired, "") : Fail(ErrorCode::kClosed, "");
  }
  if (!listed.ok()) {
    SetState(listed.error());
    return listed.error();
  }
  std::uint64_t version = *listed;
  while (!stopping_) ASYA_TRY_STATUS(Watch(version));
  return Ok();
}

bool Informer::IsMissing() {
  if (!kind_.optional) return false;
  const auto served = IsServed(client_, kind_);
  return served.ok() && !*served;
}

Result<json::Value> Informer::PageAfter(const std::string& next) {
  for (;;) {
    std::string path =
        CollectionPath(kind_) + "?labelSelector=" + selector_ + "&limit=" + std::to_string(page_objects_);
    if (!next.empty()) path += "&continue=" + PercentEncoded(next);
    auto page = client_.Send({"GET", path, {}, {}, kListDeadline, Priority::kUrgent});
    const bool too_large = !page.ok() && page.error().code == ErrorCode::kTooLarge;
    if (!too_large || page_objects_ == kPageObjectsLeast) return page;
    page_objects_ = std::max(page_objects_ / 4, kPageObjectsLeast);
  }
}

Result<std::uint64_t> Informer::List() {
  std::vector<json::Value> all;
  std::string version;
  std::string next;
  do {
    ASYA_TRY(json::Value page, PageAfter(next));
    version = VersionText(page);
    json::Value* items = page.Find("items");
    if (items == nullptr || !items->IsArray()) {
      return Fail(ErrorCode::kUnavailable, "GET " + CollectionPath(kind_) + ": the answer is no list");
    }
    for (json::Value& item : items->AsArray()) {
      // The items of a list do not name what the list names.
      item["apiVersion"] = kind_.api_version;
      item["kind"] = kind_.name;
      all.push_back(std::move(item));
    }
    next = MetadataOf(page, "continue");
  } while (!next.empty() && !stopping_);
  const std::uint64_t number = VersionOf(json::Object{{"metadata", json::Object{{"resourceVersion", version}}}});
  const std::set<std::string> owners = cache_.Replace(kind_.name, std::move(all), number);
  SetState(Ok());  // first, since who is told looks
  metrics_.Listed();
  Heard();
  Tell(owners);
  return number;
}

Status Informer::Watch(std::uint64_t& version) {
  Status outcome = Ok();
  const SteadyTime begun = clock_.Steady();
  SteadyTime heard_at = begun;
  bool heard = false;
  bool silent = false;
  Stream stream;
  stream.path = CollectionPath(kind_) + "?watch=true&allowWatchBookmarks=true&labelSelector=" + selector_ +
                "&resourceVersion=" + std::to_string(version) +
                "&timeoutSeconds=" + std::to_string(kWatchLength.count());
  stream.deadline = kWatchLength + kListDeadline;
  stream.is_over = [&] {
    silent = clock_.Steady() - heard_at > kSilenceMax;
    return stopping_ || silent;
  };
  stream.on_line = [&](std::string_view line) {
    heard_at = clock_.Steady();
    heard = true;
    outcome = Take(line, version);
    Heard();
    return outcome.ok();
  };
  const Status followed = client_.Follow(stream);
  ASYA_TRY_STATUS(outcome);
  if (stopping_) return Ok();
  if (followed.ok() && !heard && clock_.Steady() - begun < kWatchMin) {
    return Fail(ErrorCode::kUnavailable, "the watch ended at once");
  }
  if (followed.ok()) return Ok();
  if (silent) return Fail(ErrorCode::kUnavailable, "the watch fell silent");
  return followed;
}

Status Informer::Take(std::string_view line, std::uint64_t& version) {
  auto event = json::Parse(line);
  if (!event.ok()) return Fail(ErrorCode::kUnavailable, "a line of the watch is no JSON");
  if (event->GetString("kind") == "Status") return RefusalOf(*event);
  const std::string type = event->GetString("type").value_or("");
  json::Value* object = event->Find("object");
  if (object == nullptr || !object->IsObject()) return Fail(ErrorCode::kUnavailable, "a line of the watch is no event");
  if (type == "ERROR") return RefusalOf(*object);
  version = std::max(version, VersionOf(*object));
  if (type == "BOOKMARK") {
    cache_.SeenUpTo(kind_.name, version);
  } else if (type == "DELETED") {
    Tell(cache_.Remove(*object));
  } else {
    Tell(cache_.Put(std::move(*object)));
  }
  return Ok();
}

void Informer::Tell(const std::set<std::string>& owners) {
  if (!owners.empty()) on_change_(owners);
}

void Informer::SetState(Status state) {
  const std::lock_guard lock(mutex_);
  // What was known once is out of date at most, which the next list mends.
  if (listed_ && !state.ok()) return;
  listed_ = listed_ || state.ok();
  metrics_.Followed(listed_);
  state_ = std::move(state);
}

bool Informer::Wait(std::chrono::milliseconds pause) {
  // Not all replicas at once.
  const auto drawn = std::chrono::milliseconds(random_.Between(pause.count() / 2, pause.count()));
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, drawn, [this] { return stopping_.load(); });
}

}  // namespace asya::cluster::kubernetes
