#include "server/queue_index.h"

#include <set>
#include <utility>

#include "core/json/parse.h"

namespace asya::server {
namespace {

reconcilers::Key KeyOf(const ports::Record& record) { return {record.key.namespace_, record.key.name}; }

}  // namespace

QueueIndex::QueueIndex(ports::ObjectStore& store, observe::Logger logger)
    : logger_(std::move(logger)),
      watch_(store, "asyncactors",
             {[this](const std::vector<ports::Record>& all) {
                std::set<reconcilers::Key> present;
                for (const ports::Record& record : all) {
                  present.insert(KeyOf(record));
                  Put(record);
                }
                index_.Retain(present);
              },
              [this](const ports::Event& event) {
                if (event.type == ports::Event::Type::kDeleted) {
                  index_.Remove(KeyOf(event.record));
                } else {
                  Put(event.record);
                }
              },
              [this] {
                const std::lock_guard lock(mutex_);
                broken_ = true;
                changed_.notify_all();
              }}) {}

QueueIndex::~QueueIndex() { Stop(); }

void QueueIndex::Put(const ports::Record& record) {
  const auto actor = json::Parse(*record.json);
  if (actor.ok()) index_.Put(KeyOf(record), record.uid, *actor);
}

Status QueueIndex::Start() {
  ASYA_TRY_STATUS(watch_.Open());
  const std::lock_guard lock(mutex_);
  running_ = true;
  thread_ = std::thread([this] { Run(); });
  return Ok();
}

void QueueIndex::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(running_, false)) return;
    changed_.notify_all();
  }
  thread_.join();
  watch_.Close();
}

void QueueIndex::Run() {
  std::unique_lock lock(mutex_);
  while (running_) {
    changed_.wait(lock, [this] { return broken_ || !running_; });
    if (!running_) return;
    broken_ = false;
    lock.unlock();
    const Status opened = watch_.Open();
    lock.lock();
    if (opened.ok()) continue;
    broken_ = true;
    logger_.Warning("the actors cannot be watched", {{"error", opened.error().message}});
    changed_.wait_for(lock, kRetryPause, [this] { return !running_; });
  }
}

std::optional<apiserver::QueueOwner> QueueIndex::Find(const std::string& queue) const {
  const auto owner = index_.ByQueue(queue);
  if (!owner) return std::nullopt;
  return apiserver::QueueOwner{owner->key.namespace_, owner->key.name};
}

}  // namespace asya::server
