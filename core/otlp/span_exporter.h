// SpanExporter: sends the spans of a process to a collector by OTLP/HTTP with JSON, from a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "core/http/client.h"
#include "core/observe/log.h"
#include "core/otlp/span_queue.h"

namespace asya::otlp {

struct ExporterSettings {
  std::string endpoint;                   // OTEL_EXPORTER_OTLP_ENDPOINT; spans go to {endpoint}/v1/traces
  Attributes resource;                    // "service.name" and what else names the process
  std::chrono::milliseconds pause{1000};  // spans wait at most this long for others
  std::chrono::milliseconds deadline{10'000};
};

class SpanExporter {
 public:
  // `queue` must outlive it.
  SpanExporter(ExporterSettings settings, SpanQueue& queue, observe::Logger logger);
  ~SpanExporter();
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;
  void Start();
  // Sends what waits, once, and ends. Idempotent.
  void Stop();

 private:
  void Work();
  void SendAll();
  bool SendBatch();

  const ExporterSettings settings_;
  SpanQueue& queue_;
  const observe::Logger logger_;
  http::Client client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = false;
  bool told_ = false;  // that the collector cannot be reached
  std::thread thread_;
};

}  // namespace asya::otlp
