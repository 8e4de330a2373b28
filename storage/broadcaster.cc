#include "storage/broadcaster.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "storage/damage.h"

namespace asya::storage {

using ports::Event;
using ports::Revision;

namespace {

struct WatchState {
  ports::WatchQuery query;
  std::shared_ptr<ports::WatchSink> sink;
  Revision position;  // every event at or below was given to the sink
  Revision told;      // revision of the last event or bookmark that the sink saw
  bool live = false;  // has reached the tail; from then on falling out of it ends the watch
  bool queued = false;
  bool busy = false;  // a call of the sink or a read of the log is under way on `worker`
  bool bookmark_due = false;
  bool closed = false;
  std::thread::id worker;
};

bool Matches(const ports::WatchQuery& query, const Event& event) {
  return event.record.key.resource == query.resource &&
         (!query.namespace_ || event.record.key.namespace_ == *query.namespace_);
}

std::size_t SizeOf(const Event& event) {
  std::size_t size = sizeof(Event);
  if (event.record.json) size += event.record.json->size();
  if (event.previous && event.previous->json) size += event.previous->json->size();
  return size;
}

}  // namespace

bool LogPage::Add(Event event, const BatchLimits& limits) {
  bytes += SizeOf(event);
  events.push_back(std::move(event));
  const bool room = events.size() < limits.events && bytes < limits.bytes;
  if (!room) upto = events.back().record.revision;
  return room;
}

class Broadcaster::State {
 public:
  using WatchPointer = std::shared_ptr<WatchState>;

  State(const BroadcasterSettings& settings, const Clock& clock, ReadLog read_log)
      : settings_(settings), clock_(clock), read_log_(std::move(read_log)) {}

  void Start(Revision head) {
    const std::lock_guard lock(mutex_);
    ASYA_CHECK(threads_.empty());
    head_ = tail_floor_ = head;
    running_ = true;
    next_bookmark_ = clock_.Steady() + settings_.bookmark_interval;
    for (std::size_t i = 0; i < settings_.delivery_threads; ++i) threads_.emplace_back([this] { Work(); });
  }

  void Stop() {
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      running_ = false;
      threads.swap(threads_);
      ready_.clear();
    }
    ready_changed_.notify_all();
    for (auto& thread : threads) thread.join();
    std::unique_lock lock(mutex_);
    while (!watches_.empty()) {
      const WatchPointer watch = watches_.back();
      Close(*watch, Fail(ErrorCode::kUnavailable, "the store is closing"), lock);
    }
    tail_.clear();
    tail_size_ = 0;
  }

  void Append(Event event) {
    const std::lock_guard lock(mutex_);
    if (event.record.revision <= head_) return;
    head_ = event.record.revision;
    bool woken = false;
    for (const auto& watch : watches_) woken |= Offer(watch, event);
    tail_size_ += SizeOf(event);
    tail_.push_back(std::move(event));
    while (tail_.size() > settings_.tail_events || (tail_size_ > settings_.tail_bytes && tail_.size() > 1)) {
      tail_size_ -= SizeOf(tail_.front());
      tail_floor_ = tail_.front().record.revision;
      tail_.pop_front();
    }
    if (woken || (moved_silently_ && !bookmark_timer_runs_)) ready_changed_.notify_all();
  }

  void Lapse(Revision head) {
    const std::lock_guard lock(mutex_);
    if (head <= head_) return;
    head_ = tail_floor_ = head;
    tail_.clear();
    tail_size_ = 0;
    for (const auto& watch : watches_) {
      if (!watch->queued && !watch->busy && watch->position < head_) Enqueue(watch);
    }
    ready_changed_.notify_all();
  }

  Revision Head() const {
    const std::lock_guard lock(mutex_);
    return head_;
  }

  Result<WatchPointer> Add(const ports::WatchQuery& query, Revision from, std::shared_ptr<ports::WatchSink> sink) {
    const std::lock_guard lock(mutex_);
    if (!running_) return Fail(ErrorCode::kUnavailable, "the store is closing");
    const auto watch = std::make_shared<WatchState>();
    watch->query = query;
    watch->sink = std::move(sink);
    watch->position = watch->told = from;
    watch->live = from >= head_;
    watches_.push_back(watch);
    if (!watch->live) Enqueue(watch);
    ready_changed_.notify_one();
    return watch;
  }

  // Returns when no call of the sink is under way, unless it is called from within that call.
  void Remove(const WatchPointer& watch) {
    std::unique_lock lock(mutex_);
    Forget(*watch);
    idle_.wait(lock, [&] { return !watch->busy || watch->worker == std::this_thread::get_id(); });
    const auto sink = std::move(watch->sink);  // destroyed after the lock is released
    lock.unlock();
  }

 private:
  BatchLimits Limits() const { return {settings_.batch_events, settings_.batch_bytes}; }

  // Whether the watch was queued for delivery.
  bool Offer(const WatchPointer& watch, const Event& event) {
    if (watch->queued || watch->busy || event.record.revision <= watch->position) return false;
    if (!Matches(watch->query, event)) {
      watch->position = event.record.revision;
      moved_silently_ = true;
      return false;
    }
    Enqueue(watch);
    return true;
  }

  void Enqueue(const WatchPointer& watch) {
    watch->queued = true;
    ready_.push_back(watch);
  }

  void Forget(WatchState& watch) {
    watch.closed = true;
    std::erase_if(watches_, [&](const WatchPointer& other) { return other.get() == &watch; });
  }

  void Work() {
    std::unique_lock lock(mutex_);
    while (running_) {
      if (ready_.empty()) Wait(lock);
      OfferBookmarks();
      if (ready_.empty() || !running_) continue;
      const WatchPointer watch = ready_.front();
      ready_.pop_front();
      watch->queued = false;
      if (!watch->closed) Deliver(watch, lock);
    }
  }

  void Wait(std::unique_lock<std::mutex>& lock) {
    if (!moved_silently_ || bookmark_timer_runs_) {
      ready_changed_.wait(lock);
      return;
    }
    bookmark_timer_runs_ = true;
    ready_changed_.wait_for(lock, settings_.bookmark_interval);
    bookmark_timer_runs_ = false;
  }

  void OfferBookmarks() {
    const SteadyTime now = clock_.Steady();
    if (!moved_silently_ || now < next_bookmark_) return;
    next_bookmark_ = now + settings_.bookmark_interval;
    moved_silently_ = false;
    for (const auto& watch : watches_) {
      if (watch->told >= watch->position || !watch->live) continue;
      watch->bookmark_due = true;
      if (!watch->queued && !watch->busy) Enqueue(watch);
    }
    if (ready_.size() > 1) ready_changed_.notify_all();
  }

  void Deliver(const WatchPointer& watch, std::unique_lock<std::mutex>& lock) {
    if (watch->position < head_ && watch->position < tail_floor_) {
      if (watch->live) {
        Close(*watch, Fail(ErrorCode::kExpired, "the watch was too slow: list again"), lock);
        return;
      }
      DeliverFromLog(*watch, lock);
    } else if (watch->position < head_) {
      DeliverFromTail(*watch, lock);
    }
    if (watch->closed) return;
    if (watch->position >= head_) watch->live = true;
    if (watch->bookmark_due && watch->position >= head_) DeliverBookmark(*watch, lock);
    if (watch->closed || watch->queued || watch->position >= head_) return;
    Enqueue(watch);
    ready_changed_.notify_one();
  }

  void DeliverFromTail(WatchState& watch, std::unique_lock<std::mutex>& lock) {
    watch.live = true;
    auto next = std::upper_bound(tail_.begin(), tail_.end(), watch.position, [](Revision position, const Event& event) {
      return position < event.record.revision;
    });
    LogPage page;
    for (bool room = true; room && next != tail_.end(); ++next) {
      page.upto = next->record.revision;
      if (Matches(watch.query, *next)) room = page.Add(*next, Limits());
    }
    Give(watch, std::move(page.events), page.upto, lock);
  }

  void DeliverFromLog(WatchState& watch, std::unique_lock<std::mutex>& lock) {
    BeginCall(watch);
    lock.unlock();
    auto page = read_log_(watch.query, watch.position, Limits());
    lock.lock();
    EndCall(watch);
    if (watch.closed) return;
    if (!page.ok()) {
      Close(watch, page.error(), lock);
      return;
    }
    Give(watch, std::move(page->events), page->upto, lock);
  }

  void DeliverBookmark(WatchState& watch, std::unique_lock<std::mutex>& lock) {
    watch.bookmark_due = false;
    if (watch.told >= watch.position) return;
    Event bookmark;
    bookmark.type = Event::Type::kBookmark;
    bookmark.record.revision = watch.position;
    Give(watch, {bookmark}, watch.position, lock);
  }

  void Give(WatchState& watch, std::vector<Event> events, Revision upto, std::unique_lock<std::mutex>& lock) {
    const bool all = KeepWhole(events);
    if (!events.empty()) {
      BeginCall(watch);
      const auto sink = watch.sink;
      lock.unlock();
      sink->OnEvents(events);
      lock.lock();
      EndCall(watch);
      watch.told = events.back().record.revision;
    }
    if (!all && !watch.closed) {
      return Close(watch, Fail(ErrorCode::kExpired, "an object that cannot be decoded has changed: list again"), lock);
    }
    watch.position = std::max(watch.position, upto);
    if (watch.told < watch.position) moved_silently_ = true;
  }

  void Close(WatchState& watch, const Error& error, std::unique_lock<std::mutex>& lock) {
    Forget(watch);
    BeginCall(watch);
    const auto sink = watch.sink;
    lock.unlock();
    sink->OnClosed(error);
    lock.lock();
    EndCall(watch);
  }

  void BeginCall(WatchState& watch) {
    watch.busy = true;
    watch.worker = std::this_thread::get_id();
  }

  void EndCall(WatchState& watch) {
    watch.busy = false;
    idle_.notify_all();
  }

  const BroadcasterSettings settings_;
  const Clock& clock_;
  const ReadLog read_log_;
  mutable std::mutex mutex_;
  std::condition_variable ready_changed_;
  std::condition_variable idle_;
  std::deque<Event> tail_;
  std::size_t tail_size_ = 0;
  Revision tail_floor_;  // every event after it is in the tail
  Revision head_;
  std::vector<WatchPointer> watches_;
  std::deque<WatchPointer> ready_;  // each watch at most once
  std::vector<std::thread> threads_;
  SteadyTime next_bookmark_{};
  bool moved_silently_ = false;  // a watch passed events that were not its own since the last round of bookmarks
  bool bookmark_timer_runs_ = false;
  bool running_ = false;
};

Broadcaster::Broadcaster(const BroadcasterSettings& settings, const Clock& clock, ReadLog read_log)
    : state_(std::make_shared<State>(settings, clock, std::move(read_log))) {}

Broadcaster::~Broadcaster() { Stop(); }

void Broadcaster::Start(Revision head) { state_->Start(head); }
void Broadcaster::Stop() { state_->Stop(); }
void Broadcaster::Append(Event event) { state_->Append(std::move(event)); }
void Broadcaster::Lapse(Revision head) { state_->Lapse(head); }
Revision Broadcaster::Head() const { return state_->Head(); }

Result<std::shared_ptr<void>> Broadcaster::Watch(const ports::WatchQuery& query, Revision from,
                                                 std::shared_ptr<ports::WatchSink> sink) {
  ASYA_TRY(const auto watch, state_->Add(query, from, std::move(sink)));
  return std::shared_ptr<void>(watch.get(), [state = state_, watch](void*) { state->Remove(watch); });
}

}  // namespace asya::storage
