#include "apiserver/watch_session.h"

#include <algorithm>
#include <utility>

#include "apiserver/object.h"

namespace asya::apiserver {
namespace {

constexpr std::int64_t kInitialPage = 100;                 // objects read at once
constexpr std::size_t kInitialWaitingBytes = 512U << 10U;  // unsent, above which the next write of them waits
constexpr std::size_t kWriteBytes = 1U << 20U;             // of them in one write, beyond which the last may go

StatusError TooOld(const std::string& asked, const std::string& why) {
  return Expired("too old resource version: " + asked + " (" + why + ")");
}

}  // namespace

WatchSession::WatchSession(const Context& context, ListOptions options, std::string resource, WatchEncoder encoder,
                           const WatchSettings& settings, Threads threads)
    : context_(context),
      options_(std::move(options)),
      resource_(std::move(resource)),
      settings_(settings),
      threads_(std::move(threads)),
      encoder_(std::move(encoder)) {
  const std::int64_t least = settings_.timeout_min.count();
  const std::int64_t timeout_s =
      options_.timeout_s.value_or(0) > 0 ? *options_.timeout_s : context_.random.Between(least, 2 * least);
  const SteadyTime now = context_.clock.Steady();
  revision_until_ = now + settings_.revision_wait;
  timeout_ = now + std::chrono::seconds(std::min<std::int64_t>(timeout_s, std::int64_t{24} * 3600));
  next_bookmark_ = std::min(now + settings_.bookmark_interval, timeout_ - settings_.bookmark_before_timeout);
}

void WatchSession::Start(std::shared_ptr<http::Stream> stream) {
  {
    const std::lock_guard lock(mutex_);
    stream_ = std::move(stream);
    if (ended_) return stream_->Close();
  }
  Later(&WatchSession::Begin);
}

void WatchSession::Later(void (WatchSession::*step)()) {
  if (!threads_.submit([self = shared_from_this(), step] { ((*self).*step)(); })) Fail(TooManyRequests());
}

void WatchSession::Begin() {
  const std::int64_t asked = options_.RevisionNumber();
  const bool initial = options_.send_initial_events.value_or(asked == 0);
  if (!initial && asked > 0) return BeginFrom(ports::Revision(asked));
  const auto head = context_.store.Head();
  if (!head.ok()) return Fail(Unavailable(head.error().message));
  if (!initial) return BeginFrom(*head);
  if (head->get() < asked) {
    if (AwaitRevision()) return;
    return Fail(TooLargeRevision(std::to_string(asked), std::to_string(head->get())));
  }
  if (options_.selects_nothing) {
    initial_revision_ = *head;
    return EndInitial();
  }
  ReadInitialPage();
}

// Whether Begin comes again.
bool WatchSession::AwaitRevision() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return true;  // nobody listens any more
  }
  return context_.clock.Steady() < revision_until_ &&
         threads_.postpone([self = shared_from_this()] { self->Later(&WatchSession::Begin); });
}

void WatchSession::ReadInitialPage() {
  ports::ListQuery query{resource_, options_.namespace_, options_.selector, kInitialPage, {}, {}};
  if (!initial_page_.items.empty()) {
    query.after = initial_page_.items.back().key;
    query.at = initial_revision_;
  }
  auto page = context_.store.List(query);
  if (!page.ok()) {
    const bool expired = page.error().code == ErrorCode::kExpired;
    return Fail(expired ? TooOld(options_.revision, page.error().message) : Unavailable(page.error().message));
  }
  initial_revision_ = page->revision;
  initial_page_ = std::move(page).value();
  initial_sent_ = 0;
  SendInitialPage();
}

void WatchSession::SendInitialPage() {
  const ports::Records& items = initial_page_.items;
  {
    const std::lock_guard lock(mutex_);
    std::string lines;
    while (initial_sent_ < items.size() && lines.size() < kWriteBytes) {
      lines += encoder_.Line("ADDED", BytesOf(items[initial_sent_++]));
    }
    if (!lines.empty() && !stream_->Write(std::move(lines))) return;
  }
  const bool sent = initial_sent_ == items.size();
  if (sent && (!initial_page_.more || items.empty())) return EndInitial();
  const auto next = sent ? &WatchSession::ReadInitialPage : &WatchSession::SendInitialPage;
  stream_->OnDrained(kInitialWaitingBytes, [self = shared_from_this(), next] { self->Later(next); });
}

void WatchSession::EndInitial() {
  initial_page_ = {};
  {
    const std::lock_guard lock(mutex_);
    seen_ = *initial_revision_;
    if (options_.send_initial_events.value_or(false) && options_.bookmarks) SendBookmark(true);
  }
  BeginFrom(*initial_revision_);
}

void WatchSession::BeginFrom(ports::Revision revision) {
  {
    const std::lock_guard lock(mutex_);
    seen_ = std::max(seen_, revision);
    live_ = true;
  }
  auto subscription = context_.store.Watch({resource_, options_.namespace_}, revision, shared_from_this());
  if (!subscription.ok()) {
    const bool expired = subscription.error().code == ErrorCode::kExpired;
    return Fail(expired ? TooOld(std::to_string(revision.get()), subscription.error().message)
                        : Unavailable(subscription.error().message));
  }
  const std::lock_guard lock(mutex_);
  // Released while it was made: it is dropped here, outside the store's calls.
  if (!ended_) subscription_ = std::move(subscription).value();
}

void WatchSession::Fail(const StatusError& error) {
  const std::lock_guard lock(mutex_);
  if (stream_->Write(WatchEncoder::ErrorLine(error))) stream_->Close();
}

// A bookmark says that all before it was written, so it takes the same lock as the events.
void WatchSession::SendBookmark(bool initial_end) {
  static_cast<void>(stream_->Write(encoder_.Bookmark(seen_, initial_end)));
}

SteadyTime WatchSession::Tick(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (now >= timeout_) {
    stream_->Close();
    return SteadyTime::max();
  }
  if (now >= next_bookmark_) {
    if (options_.bookmarks && live_ && seen_.get() > 0) SendBookmark(false);
    const SteadyTime last = timeout_ - settings_.bookmark_before_timeout;
    next_bookmark_ = now < last ? std::min(now + settings_.bookmark_interval, last) : SteadyTime::max();
  }
  return std::min(next_bookmark_, timeout_);
}

void WatchSession::Close() {
  const std::lock_guard lock(mutex_);
  if (stream_ != nullptr) stream_->Close();
}

void WatchSession::Release() {
  std::shared_ptr<void> subscription;
  const std::lock_guard lock(mutex_);
  ended_ = true;
  subscription.swap(subscription_);
}

void WatchSession::Append(const ports::Event& event, std::string& out) {
  seen_ = std::max(seen_, event.record.revision);
  if (event.type == ports::Event::Type::kBookmark || options_.selects_nothing) return;
  const bool matches = options_.selector.Matches(event.record);
  switch (event.type) {
    case ports::Event::Type::kAdded:
      if (matches) out += encoder_.Line("ADDED", BytesOf(event.record));
      return;
    case ports::Event::Type::kDeleted:
      if (matches) out += encoder_.Line("DELETED", BytesOf(event.record));
      return;
    case ports::Event::Type::kBookmark:
      return;
    case ports::Event::Type::kModified:
      break;
  }
  const bool matched = event.previous == nullptr ? matches : options_.selector.Matches(*event.previous);
  if (matches) {
    out += encoder_.Line(matched ? "MODIFIED" : "ADDED", BytesOf(event.record));
  } else if (matched) {
    ports::Record last = *event.previous;
    last.revision = event.record.revision;
    out += encoder_.Line("DELETED", BytesOf(last));
  }
}

void WatchSession::OnEvents(std::span<const ports::Event> events) {
  const std::lock_guard lock(mutex_);
  std::string lines;
  for (const ports::Event& event : events) Append(event, lines);
  if (!lines.empty()) static_cast<void>(stream_->Write(std::move(lines)));
}

void WatchSession::OnClosed(const Error& error) {
  Fail(error.code == ErrorCode::kExpired ? TooOld(options_.revision, error.message) : Unavailable(error.message));
}

}  // namespace asya::apiserver
