#include "storage/postgres/fly_exchange.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <utility>

#include "core/base/random.h"
#include "core/base/utf8.h"
#include "storage/postgres/rows.h"

namespace asya::storage::postgres {

using ports::FlyEvent;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

constexpr const char* kChannel = "asya_fly";
constexpr std::size_t kHintBytesMax = 7000;  // PostgreSQL takes 7999
constexpr const char* kAnyTask = "*";        // in a hint: there are too many to be named
constexpr std::size_t kServersMax = 256;     // whose last row is remembered

constexpr const char* kInsert = R"sql(
INSERT INTO fly_events(server, sequence, at, task, namespace, data)
SELECT $1, $2 + place, $3, task, namespace, data
FROM unnest($4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS told(task, namespace, data, place))sql";

observe::Counter Dropped(observe::Metrics& metrics, const char* reason) {
  return metrics.MakeCounter("asya_gateway_fly_not_handed_on_total",
                             "Live events of which those who listen at other servers may not have heard.",
                             {{"reason", reason}});
}

std::size_t BytesOf(const FlyEvent& event) {
  return event.task_id.size() + event.namespace_.size() + event.data_json.size();
}

// Of what PostgreSQL refuses, one event would lose those of others that are written with it.
bool IsText(const std::string& text) { return text.find('\0') == std::string::npos && IsUtf8(text); }

bool IsStorable(const FlyEvent& event) {
  return IsText(event.task_id) && IsText(event.namespace_) && IsText(event.data_json);
}

}  // namespace

FlyExchange::FlyExchange(sql::postgres::Database& database, const Clock& clock, observe::Metrics& metrics,
                         Receiver receiver, const FlyLimits& limits)
    : database_(database),
      clock_(clock),
      receiver_(std::move(receiver)),
      limits_(limits),
      server_(RandomHex(8)),
      unfit_(Dropped(metrics, "unfit")),
      too_many_(Dropped(metrics, "too_many_wait")),
      pushed_out_(Dropped(metrics, "pushed_out")),
      unwritten_(Dropped(metrics, "not_written")),
      listener_(
          database.settings(), {kChannel}, [this](const std::string&, const std::string& payload) { OnHint(payload); },
          [] {}) {}

FlyExchange::~FlyExchange() { Stop(); }

void FlyExchange::Start() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(running_, true)) return;
  }
  listener_.Start();
  thread_ = std::thread([this] { Work(); });
}

void FlyExchange::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(running_, false)) return;
  }
  changed_.notify_all();
  thread_.join();
  listener_.Stop();
}

// Sending

FlyExchange::Waiting FlyExchange::WithinLimits(std::vector<FlyEvent> events) const {
  Waiting taken;
  const auto unfit = std::remove_if(events.begin(), events.end(), [&](const FlyEvent& event) {
    return BytesOf(event) > limits_.event_bytes || !IsStorable(event);
  });
  unfit_.Add(static_cast<double>(events.end() - unfit));
  events.erase(unfit, events.end());
  for (const FlyEvent& event : events) taken.bytes += BytesOf(event);
  auto first = events.begin();
  for (; first != events.end() && taken.bytes > limits_.waiting_bytes; ++first) taken.bytes -= BytesOf(*first);
  too_many_.Add(static_cast<double>(first - events.begin()));
  events.erase(events.begin(), first);
  taken.events = std::move(events);
  return taken;
}

void FlyExchange::Send(std::vector<FlyEvent> events) {
  Waiting taken = WithinLimits(std::move(events));
  if (taken.events.empty()) return;
  std::future<void> done = taken.done.get_future();
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return;
    waiting_bytes_ += taken.bytes;
    waiting_.push_back(std::move(taken));
    while (waiting_bytes_ > limits_.waiting_bytes) {
      too_many_.Add(static_cast<double>(waiting_.front().events.size()));
      waiting_bytes_ -= waiting_.front().bytes;
      waiting_.front().done.set_value();
      waiting_.pop_front();
    }
  }
  changed_.notify_all();
  done.wait();
}

void FlyExchange::Work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto news = [this] { return !running_ || !waiting_.empty(); };
    // Those in the table have to go though nothing comes after them.
    if (kept_.empty()) {
      changed_.wait(lock, news);
    } else {
      changed_.wait_for(lock, limits_.kept_for, news);
    }
    std::deque<Waiting> batch = std::exchange(waiting_, {});
    waiting_bytes_ = 0;
    const bool ends = !running_;
    lock.unlock();
    if (!ends) Write(batch);
    for (Waiting& one : batch) one.done.set_value();
    if (ends) return;
    lock.lock();
  }
}

void FlyExchange::Write(std::deque<Waiting>& batch) {
  Kept now;
  std::vector<FlyEvent> events;
  for (Waiting& one : batch) {
    std::move(one.events.begin(), one.events.end(), std::back_inserter(events));
    now.bytes += one.bytes;
  }
  const std::int64_t first = written_ + 1;
  // Also where it fails: it may have been written all the same.
  written_ += static_cast<std::int64_t>(events.size());
  now.last = written_;
  now.events = events.size();
  now.at = clock_.Steady();
  if (!events.empty()) {
    kept_bytes_ += now.bytes;
    kept_.push_back(now);
  }
  const std::int64_t outlived = TakeOutlived();
  if (events.empty() && outlived == 0) return;
  const bool clears = ClearsNow();
  const Status written = database_.Write([&](Transaction& transaction) -> Status {
    if (outlived > 0) {
      ASYA_TRY(const Rows own, transaction.Execute("DELETE FROM fly_events WHERE server = $1 AND sequence <= $2",
                                                   Parameters().Add(server_).Add(outlived)));
    }
    if (clears) {
      ASYA_TRY(const Rows left, transaction.Execute("DELETE FROM fly_events WHERE at < $1",
                                                    Parameters().Add(ToMicroseconds(clock_.Now() - kLeftFor))));
    }
    return events.empty() ? Ok() : Insert(transaction, events, first);
  });
  if (!written.ok()) unwritten_.Add(static_cast<double>(events.size()));
}

bool FlyExchange::ClearsNow() {
  const SteadyTime now = clock_.Steady();
  if (cleared_at_ && now - *cleared_at_ < kClearPeriod) return false;
  cleared_at_ = now;
  return true;
}

std::int64_t FlyExchange::TakeOutlived() {
  std::int64_t last = 0;
  const SteadyTime oldest = clock_.Steady() - limits_.kept_for;
  while (!kept_.empty() && (kept_.front().at <= oldest || kept_bytes_ > limits_.kept_bytes)) {
    // One transaction may be larger than all that is kept.
    if (kept_.size() == 1 && kept_.front().at > oldest) break;
    if (kept_.front().at > oldest) pushed_out_.Add(static_cast<double>(kept_.front().events));
    last = kept_.front().last;
    kept_bytes_ -= kept_.front().bytes;
    kept_.pop_front();
  }
  return last;
}

Status FlyExchange::Insert(Transaction& transaction, const std::vector<FlyEvent>& events, std::int64_t first) const {
  std::vector<std::string> tasks;
  std::vector<std::string> namespaces;
  std::vector<std::string> texts;
  for (const FlyEvent& event : events) {
    tasks.push_back(event.task_id);
    namespaces.push_back(event.namespace_);
    texts.push_back(event.data_json);
  }
  ASYA_TRY(const Rows written, transaction.Execute(kInsert, Parameters()
                                                                .Add(server_)
                                                                .Add(first - 1)
                                                                .Add(ToMicroseconds(clock_.Now()))
                                                                .Add(tasks)
                                                                .Add(namespaces)
                                                                .Add(texts)));
  ASYA_TRY(const Rows told,
           transaction.Execute("SELECT pg_notify('asya_fly', $1)", Parameters().Add(Hint(events, first))));
  return Ok();
}

// "SERVER FIRST LAST TASK TASK …", by which who follows none of these tasks need not look.
std::string FlyExchange::Hint(const std::vector<FlyEvent>& events, std::int64_t first) const {
  const std::string numbers = server_ + " " + std::to_string(first) + " " +
                              std::to_string(first + static_cast<std::int64_t>(events.size()) - 1);
  std::string hint = numbers;
  std::set<std::string_view> named;
  for (const FlyEvent& event : events) {
    if (!named.insert(event.task_id).second) continue;
    const bool is_one_word = event.task_id.find_first_of(" \t\n\v\f\r") == std::string::npos;
    if (!is_one_word || hint.size() + 1 + event.task_id.size() > kHintBytesMax) return numbers + " " + kAnyTask;
    hint += " " + event.task_id;
  }
  return hint;
}

// Receiving

void FlyExchange::OnHint(const std::string& payload) {
  std::istringstream words(payload);
  std::string server;
  std::int64_t first = 0;
  std::int64_t last = 0;
  if (!(words >> server >> first >> last) || server == server_) return;
  bool wanted = false;
  for (std::string task; !wanted && words >> task;) wanted = task == kAnyTask || receiver_.wants(task);
  if (seen_.size() >= kServersMax && !seen_.contains(server)) seen_.clear();
  const std::int64_t after = seen_.try_emplace(server, first - 1).first->second;
  if (last <= after) return;
  if (!wanted) {
    seen_[server] = last;
    return;
  }
  Receive(server, after, last);
}

void FlyExchange::Receive(const std::string& server, std::int64_t after, std::int64_t last) {
  const auto rows = database_.Query(
      "SELECT task, namespace, data FROM fly_events WHERE server = $1 AND sequence > $2 AND sequence <= $3 "
      "ORDER BY sequence",
      Parameters().Add(server).Add(after).Add(last));
  if (!rows.ok()) return;  // the next hint asks for these too
  seen_[server] = last;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    receiver_.take(FlyEvent{rows->Text(row, 0), rows->Text(row, 1), rows->Text(row, 2)});
  }
}

}  // namespace asya::storage::postgres
