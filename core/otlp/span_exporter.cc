#include "core/otlp/span_exporter.h"

#include <utility>

namespace asya::otlp {

SpanExporter::SpanExporter(ExporterSettings settings, SpanQueue& queue, observe::Logger logger)
    : settings_(std::move(settings)), queue_(queue), logger_(std::move(logger)) {}

SpanExporter::~SpanExporter() { Stop(); }

void SpanExporter::Start() {
  running_ = true;
  queue_.OnWork([this] {
    // Without the lock: a wake-up that comes too early costs at most one pause.
    changed_.notify_one();
  });
  thread_ = std::thread([this] { Work(); });
}

void SpanExporter::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return;
    running_ = false;
  }
  changed_.notify_all();
  thread_.join();
}

void SpanExporter::Work() {
  constexpr int kIdlePauses = 60;
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    changed_.wait_for(lock, kIdlePauses * settings_.pause, [this] { return !running_ || queue_.size() > 0; });
    changed_.wait_for(lock, settings_.pause, [this] { return !running_ || queue_.size() >= kSpansBatchMax; });
    last = !running_;
    lock.unlock();
    SendAll();
    lock.lock();
  }
}

void SpanExporter::SendAll() {
  while (queue_.size() > 0) {
    if (!SendBatch()) return;
  }
}

bool SpanExporter::SendBatch() {
  const std::vector<Span> batch = queue_.Take();
  http::ClientRequest request;
  request.method = "POST";
  request.url = settings_.endpoint + "/v1/traces";
  request.body = ToJson(batch, settings_.resource);
  request.deadline = settings_.deadline;
  const auto response = client_.Call(request);
  const bool taken = response.ok() && response->status / 100 == 2;
  if (taken) {
    queue_.Exported(batch.size());
  } else {
    queue_.Dropped(batch.size());
    const std::string why = response.ok() ? "status " + std::to_string(response->status) : response.error().message;
    if (!told_) logger_.Warning("spans are dropped: the collector does not take them", {{"reason", why}});
  }
  told_ = !taken;
  return taken;
}

}  // namespace asya::otlp
