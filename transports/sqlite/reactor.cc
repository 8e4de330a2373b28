#include "transports/sqlite/reactor.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <future>
#include <utility>

#include "transports/sqlite/unix_address.h"

namespace asya::transports::sqlite {
namespace {

constexpr std::uint64_t kListenerKey = 0;
constexpr std::uint64_t kMailboxKey = 1;
constexpr std::size_t kEventsMax = 128;  // handled in one turn

Status Watch(int epoll, int fd, std::uint64_t key) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = key;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return Ok();
  return Fail(ErrorCode::kUnavailable, std::string("epoll: ") + std::strerror(errno));
}

}  // namespace

Reactor::Reactor(sql::sqlite::Database& database, std::shared_ptr<Ledger> ledger, std::shared_ptr<Mailbox> mailbox,
                 BrokerSettings settings, const Clock& clock)
    : database_(database),
      ledger_(std::move(ledger)),
      mailbox_(std::move(mailbox)),
      settings_(std::move(settings)),
      metrics_(settings_.metrics),
      clock_(clock) {
  auto outcome = [this, letters = mailbox_](std::vector<Change> batch, const Status& status) {
    auto shared = std::make_shared<std::vector<Change>>(std::move(batch));
    letters->Post([this, shared, status] { OnOutcome(std::move(*shared), status); });
  };
  changes_ = std::make_shared<Changes>(database_, ledger_, clock_, std::move(outcome));
}

Reactor::~Reactor() { Stop(); }

Status Reactor::Start(const std::vector<StoredQueue>& queues) {
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return Fail(ErrorCode::kUnavailable, std::string("epoll: ") + std::strerror(errno));
  ASYA_TRY(listener_, ListenAt(settings_.socket_path));
  ASYA_TRY_STATUS(Watch(epoll_.get(), listener_.get(), kListenerKey));
  ASYA_TRY_STATUS(Watch(epoll_.get(), mailbox_->fd(), kMailboxKey));
  reader_ = database_.NewReader();
  for (const StoredQueue& stored : queues) {
    auto queue = std::make_unique<Queue>(stored, fresh_bytes_);
    Schedule(*queue);
    Touch(*queue);
    queues_by_name_[stored.name] = queue.get();
    queues_[stored.id] = std::move(queue);
  }
  thread_ = std::thread([this] { Loop(); });
  return Ok();
}

void Reactor::Stop() {
  if (!thread_.joinable()) return;
  mailbox_->Post([this] { BeginStop(); });
  thread_.join();
  mailbox_->Close();
  sessions_.clear();
  listener_.Reset();
  // Only ours: the lock on the database file keeps another broker from this path until now.
  unlink(settings_.socket_path.c_str());
  reader_.reset();
}

void Reactor::BeginStop() {
  stopping_ = true;
  stop_by_ = clock_.Steady() + kStopGrace;
  reading_paused_ = true;
  for (auto& [id, session] : sessions_) Poll(*session);
  WriteCrashCounts(std::numeric_limits<std::int64_t>::max());
}

bool Reactor::Finished() {
  if (!stopping_) return false;
  if (clock_.Steady() >= stop_by_) return true;
  return changes_under_way_ == 0;
}

std::int64_t Reactor::NowUs() {
  // Goes on when the clock of the machine is set back, so that neither a delay nor the order of due times is broken by
  // it.
  const SteadyTime steady = clock_.Steady();
  const std::int64_t wall_us = clock_.Now().time_since_epoch().count();
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(steady - last_now_steady_);
  last_now_us_ = last_now_us_ == 0 ? wall_us : std::max(wall_us, last_now_us_ + passed.count());
  last_now_steady_ = steady;
  return last_now_us_;
}

int Reactor::TimeoutMs() {
  // Of what was sent last, or a connection that ended then; while it stops nothing is served.
  if (!stopping_ && !touched_.empty()) return 0;
  const std::int64_t now_us = NowUs();
  std::int64_t next_us = std::numeric_limits<std::int64_t>::max();
  // While it stops nothing is delivered, so what becomes due would only keep it awake.
  if (!stopping_ && !due_.empty()) next_us = std::min(next_us, due_.begin()->first);
  if (!crash_counts_order_.empty()) next_us = std::min(next_us, crash_counts_order_.front().first);
  if (retry_at_us_ != 0) next_us = std::min(next_us, retry_at_us_);
  if (accept_at_us_ != 0) next_us = std::min(next_us, accept_at_us_);
  const SteadyTime steady = clock_.Steady();
  if (!sessions_.empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(sweep_at_ - steady);
    next_us = std::min(next_us, now_us + left.count());
  }
  if (stopping_) {
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(stop_by_ - steady);
    next_us = std::min(next_us, now_us + left.count());
  }
  if (next_us == std::numeric_limits<std::int64_t>::max()) return -1;
  // Rounded up: waking early would only mean to wait again.
  constexpr std::int64_t kLongestMs = 3'600'000;
  return static_cast<int>(std::clamp<std::int64_t>((next_us - now_us + 999) / 1000, 0, kLongestMs));
}

void Reactor::Loop() {
  std::array<epoll_event, kEventsMax> events;
  while (!Finished()) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), TimeoutMs());
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == kListenerKey) {
        Accept();
      } else if (event.data.u64 != kMailboxKey) {
        const auto found = sessions_.find(event.data.u64);
        if (found != sessions_.end() && (event.events & ~EPOLLOUT) != 0) ReceiveFrom(*found->second);
      }
    }
    for (auto& letter : mailbox_->Take()) letter();
    const std::int64_t now_us = NowUs();
    for (auto due = due_.begin(); due != due_.end() && due->first <= now_us; ++due) Touch(*queues_.at(due->second));
    WriteCrashCounts(now_us);
    if (accept_at_us_ != 0 && now_us >= accept_at_us_) {
      accept_at_us_ = 0;
      WatchListener(EPOLLIN);
    }
    if (!sessions_.empty() && clock_.Steady() >= sweep_at_) SweepSilent();
    Submit();
    if (!stopping_) ServeTouched();
    TellHints();
    SendAll();
  }
}

void Reactor::WatchListener(std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = kListenerKey;
  static_cast<void>(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.get(), &event));
}

void Reactor::Submit() {
  if (retry_at_us_ != 0) {
    if (NowUs() < retry_at_us_) return;
    retry_at_us_ = 0;
  }
  if (!changes_->Flush()) retry_at_us_ = NowUs() + std::chrono::microseconds(kSubmitRetry).count();
}

void Reactor::SendAll() {
  std::vector<Session*> gone;
  for (auto& [id, session] : sessions_) {
    const std::size_t before = session->peer->unsent_bytes();
    if (before == 0) continue;
    if (!session->peer->Flush().ok()) {
      gone.push_back(session.get());
      continue;
    }
    Poll(*session);
    // Room was made for a peer that had too much unsent to be leased more.
    const bool has_room = session->peer->unsent_bytes() <= kUnsentBytesMax;
    if (before > kUnsentBytesMax && has_room && session->queue != nullptr) Touch(*session->queue);
  }
  for (Session* session : gone) Close(*session);
}

void Reactor::TellHints() {
  if (hinted_.empty()) return;
  const std::lock_guard lock(subscribers_mutex_);
  for (Queue* queue : hinted_) {
    queue->hinted = false;
    for (const auto& subscriber : subscribers_) subscriber(queue->name);
  }
  hinted_.clear();
}

std::shared_ptr<void> Reactor::SubscribeHints(std::function<void(const std::string&)> on_work) {
  const std::lock_guard lock(subscribers_mutex_);
  const auto place = subscribers_.insert(subscribers_.end(), std::move(on_work));
  return {static_cast<void*>(this), [this, place](void*) {
            const std::lock_guard ending(subscribers_mutex_);
            subscribers_.erase(place);
          }};
}

}  // namespace asya::transports::sqlite
