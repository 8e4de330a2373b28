// ServerMetrics: what a server counts; does nothing without a registry. Internal to core/http.
#pragma once

#include <optional>
#include <string>

#include "core/observe/metrics.h"

namespace asya::http {

class ServerMetrics {
 public:
  ServerMetrics() = default;
  // `listen` is "tcp" or "unix", a label that tells two servers of one process apart.
  ServerMetrics(observe::Metrics& registry, const std::string& listen);
  void Answered(int status, double seconds) const;
  void ConnectionOpened() const {
    if (series_) series_->connections.Add(1);
  }
  void ConnectionClosed() const {
    if (series_) series_->connections.Add(-1);
  }
  void StreamOpened() const {
    if (series_) series_->streams.Add(1);
  }
  void StreamClosed() const {
    if (series_) series_->streams.Add(-1);
  }
  void StreamCutOff() const {
    if (series_) series_->streams_cut_off.Add();
  }

 private:
  struct Series {
    observe::Counter answered[5];  // by the first digit of the status
    observe::Histogram seconds;
    observe::Gauge connections;
    observe::Gauge streams;
    observe::Counter streams_cut_off;
  };
  std::optional<Series> series_;
};

}  // namespace asya::http
