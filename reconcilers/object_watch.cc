#include "reconcilers/object_watch.h"

namespace asya::reconcilers {

class ObjectWatch::Sink final : public ports::WatchSink {
 public:
  explicit Sink(ObjectWatch& owner) : owner_(owner) {}
  void OnEvents(std::span<const ports::Event> events) override {
    for (const auto& event : events) {
      if (event.type != ports::Event::Type::kBookmark) owner_.events_.on_event(event);
    }
  }
  void OnClosed(const Error&) override {
    {
      const std::lock_guard lock(owner_.mutex_);
      owner_.broken_ = true;
    }
    owner_.events_.on_broken();
  }

 private:
  ObjectWatch& owner_;
};

ObjectWatch::ObjectWatch(ports::ObjectStore& store, std::string resource, Events events)
    : store_(store), resource_(std::move(resource)), events_(std::move(events)) {}

ObjectWatch::~ObjectWatch() { Close(); }

Status ObjectWatch::Open() {
  std::shared_ptr<void> old;
  {
    const std::lock_guard lock(mutex_);
    if (!broken_) return Ok();
    old = std::move(watch_);
    watch_.reset();
  }
  old.reset();  // outside the lock: its end waits for a call under way
  ports::ListQuery query;
  query.resource = resource_;
  ASYA_TRY(const auto page, store_.List(query));
  events_.on_list(page.items);  // before the first event, which is newer
  {
    // Before the watch can break again.
    const std::lock_guard lock(mutex_);
    broken_ = false;
  }
  ports::WatchQuery watch_query;
  watch_query.resource = resource_;
  auto watch = store_.Watch(watch_query, page.revision, std::make_shared<Sink>(*this));
  if (!watch.ok()) {
    const std::lock_guard lock(mutex_);
    broken_ = true;
    return watch.error();
  }
  const std::lock_guard lock(mutex_);
  watch_ = std::move(*watch);
  return Ok();
}

void ObjectWatch::Close() {
  std::shared_ptr<void> old;
  {
    const std::lock_guard lock(mutex_);
    old = std::move(watch_);
    watch_.reset();
    broken_ = true;
  }
}

}  // namespace asya::reconcilers
