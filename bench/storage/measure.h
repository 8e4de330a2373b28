// Measure: what a store does per second, printed as rows of one table.
#pragma once

#include <functional>
#include <string>

#include "ports/object_store.h"
#include "ports/task_store.h"

namespace asya::bench {

struct StoreUnderTest {
  std::string name;
  ports::ObjectStore& objects;
};

// Creates and gets by 1 and 16 clients, a list of 10,000 objects, and how late 50 watchers see a write.
void MeasureObjects(const StoreUnderTest& store);

// What 1,500 items a second cost: each is one create, four progress reports and two changes of status, in batches.
void MeasureTasks(const std::string& name, ports::TaskStore& tasks);

}  // namespace asya::bench
