// Change: one write of an object, from its caller to the committer and back; a batch of them is one transaction.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/sql/postgres/database.h"
#include "ports/object_store.h"

namespace asya::storage::postgres {

struct Change {
  ports::Event::Type type = ports::Event::Type::kAdded;
  ports::Record record;  // as asked for; once committed, as stored
  ports::Precondition precondition;
  ports::Author author;
  // Set by CommitBatch.
  Status outcome = Ok();
  ports::Record stored;  // the result, where the outcome is ok
  ports::Record previous;
  std::promise<Status> finished;
};
using ChangePointer = std::shared_ptr<Change>;

// What a batch added to the log: all that lies after `base` up to `upto`.
struct Committed {
  ports::Revision base;
  ports::Revision upto;  // equal to `base`: nothing
  std::string server;    // see storage/postgres/rewind.h
  std::int64_t at = 0;   // the time of these events
  bool raised = false;   // the head was below what was seen, and this raised it
  std::vector<ports::Event> events;
};

// Who writes.
struct Origin {
  ports::Revision seen;  // the highest revision that anybody there was told
  std::string name;      // in the hint to all others: a process knows its own
};

// Writes the changes, which are of distinct keys, in one transaction. The outcome of each says whether its own guard
// let it through; an error when nothing at all happened. A head below what was seen is raised first.
Result<Committed> CommitBatch(sql::postgres::Database& database, const std::vector<ChangePointer>& batch, WallTime now,
                              const Origin& origin);

}  // namespace asya::storage::postgres
