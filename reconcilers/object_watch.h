// ObjectWatch: every object of one resource, now and at each change; lists again when its watch broke.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ports/object_store.h"

namespace asya::reconcilers {

class ObjectWatch {
 public:
  struct Events {
    std::function<void(const ports::Records& all)> on_list;   // after each (new) list
    std::function<void(const ports::Event& event)> on_event;  // store's thread; must not block
    std::function<void()> on_broken;                          // call Open again; store's thread
  };
  ObjectWatch(ports::ObjectStore& store, std::string resource, Events events);
  ~ObjectWatch();
  ObjectWatch(const ObjectWatch&) = delete;
  ObjectWatch& operator=(const ObjectWatch&) = delete;

  // Lists, tells, then watches from the list's revision. Does nothing while a watch is open.
  Status Open();
  void Close();
  [[nodiscard]] const std::string& resource() const { return resource_; }

 private:
  class Sink;
  ports::ObjectStore& store_;
  const std::string resource_;
  const Events events_;
  std::mutex mutex_;  // of the two below
  std::shared_ptr<void> watch_;
  bool broken_ = true;
};

}  // namespace asya::reconcilers
