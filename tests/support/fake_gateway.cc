#include "tests/support/fake_gateway.h"

#include <algorithm>

#include "core/json/parse.h"

namespace asya::tests {
namespace {

constexpr std::chrono::seconds kPatience{20};

}  // namespace

FakeGateway::FakeGateway(const std::string& path) {
  server_ = std::make_unique<UnixServer>(path, [this](ServedConnection& connection) { Serve(connection); });
}

FakeGateway::~FakeGateway() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  server_.reset();
}

void FakeGateway::AnswerWith(int status) {
  const std::lock_guard lock(mutex_);
  status_ = status;
}

void FakeGateway::Refuse(std::function<bool(const json::Value&)> item) {
  const std::lock_guard lock(mutex_);
  refuses_ = std::move(item);
}

void FakeGateway::Hold(std::function<bool(const json::Value&)> item) {
  {
    const std::lock_guard lock(mutex_);
    holds_ = std::move(item);
  }
  changed_.notify_all();
}

void FakeGateway::Cancel(const std::string& task) {
  {
    const std::lock_guard lock(mutex_);
    canceled_.push_back(task);
  }
  changed_.notify_all();
}

bool FakeGateway::Wait(const std::function<bool(const std::vector<json::Value>&)>& wanted) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return wanted(items_); });
}

bool FakeGateway::WaitFed(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return fed_ >= count; });
}

std::vector<json::Value> FakeGateway::items() const {
  const std::lock_guard lock(mutex_);
  return items_;
}

int FakeGateway::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

void FakeGateway::Serve(ServedConnection& connection) {
  while (const auto request = connection.Read()) {
    if (request->target == "/api/v1/cancellations") {
      Feed(connection);
      return;
    }
    int status = 404;
    if (request->method == "POST" && request->target == "/api/v1/events") {
      const auto batch = json::Parse(request->body);
      std::unique_lock lock(mutex_);
      status = batch.ok() && batch->IsArray() ? status_ : 400;
      if (status < 300 && refuses_) {
        const json::Array& given = batch->AsArray();
        if (std::any_of(given.begin(), given.end(), refuses_)) status = 400;
      }
      if (status < 300) {
        const json::Array& given = batch->AsArray();
        items_.insert(items_.end(), given.begin(), given.end());
        changed_.notify_all();
        changed_.wait(lock, [&] { return stopping_ || !holds_ || std::none_of(given.begin(), given.end(), holds_); });
      } else {
        ++refused_;
      }
    }
    changed_.notify_all();
    connection.Send("HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Length: 0\r\n\r\n");
  }
}

void FakeGateway::Feed(ServedConnection& connection) {
  connection.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::unique_lock lock(mutex_);
  std::size_t told = 0;
  while (!stopping_) {
    for (; told < canceled_.size(); ++told) {
      const std::string event = "event: canceled\ndata: {\"task\":" + json::Quote(canceled_[told]) + "}\n\n";
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", event.size());
      if (!connection.Send(size + event + "\r\n")) return;
    }
    if (told > fed_) {
      fed_ = told;
      changed_.notify_all();
    }
    changed_.wait(lock);
  }
}

}  // namespace asya::tests
