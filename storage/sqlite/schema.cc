#include "storage/sqlite/schema.h"

namespace asya::storage::sqlite {
namespace {

constexpr const char* kComponent = "storage";

// A version that was released is never edited: a change is a new version.
constexpr const char* kObjects = R"sql(
CREATE TABLE objects(
  resource  TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name      TEXT NOT NULL,
  uid       TEXT NOT NULL,
  revision  INTEGER NOT NULL,
  labels    TEXT NOT NULL,
  json      TEXT NOT NULL,
  UNIQUE(resource, namespace, name)
) STRICT;

-- The log that watches and older pages read. The state before a change is kept beside it: pages of an earlier revision
-- show it, and a selector that stops matching needs it. Of a deletion that state is `json` itself.
CREATE TABLE events(
  revision          INTEGER PRIMARY KEY,
  at                INTEGER NOT NULL,
  type              TEXT NOT NULL CHECK(type IN ('A', 'M', 'D')),
  resource          TEXT NOT NULL,
  namespace         TEXT NOT NULL,
  name              TEXT NOT NULL,
  uid               TEXT NOT NULL,
  previous_revision INTEGER,
  labels            TEXT NOT NULL,
  previous_labels   TEXT,
  json              TEXT NOT NULL,
  previous_json     TEXT
) STRICT;

CREATE TABLE history(
  revision   INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  uid        TEXT NOT NULL,
  resource   TEXT NOT NULL,
  namespace  TEXT NOT NULL,
  name       TEXT NOT NULL,
  user       TEXT NOT NULL,
  user_agent TEXT NOT NULL,
  verb       TEXT NOT NULL,
  json       TEXT NOT NULL
) STRICT;
CREATE INDEX history_by_uid ON history(uid, revision);
CREATE INDEX history_by_key ON history(resource, namespace, name, revision);

-- One row. `head` is the last revision given out, `compacted` the last one whose event is forgotten.
-- Both start at 1, since clients take a revision of 0 for "any".
CREATE TABLE watermark(
  id        INTEGER PRIMARY KEY CHECK(id = 1),
  head      INTEGER NOT NULL,
  compacted INTEGER NOT NULL
) STRICT;
INSERT INTO watermark(id, head, compacted) VALUES(1, 1, 1);
)sql";

// Numbers of status are those of ports::TaskStatus; progress is in millionths; times in microseconds since the epoch.
constexpr const char* kTasks = R"sql(
-- Small rows, since each is written several times in the life of a task; what is large lies beside them, written once.
CREATE TABLE tasks(
  sequence      INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  status        INTEGER NOT NULL CHECK(status BETWEEN 0 AND 5),
  progress      INTEGER NOT NULL CHECK(progress BETWEEN 0 AND 1000000),
  version       INTEGER NOT NULL,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  deadline_at   INTEGER,
  namespace     TEXT NOT NULL,
  actor         TEXT NOT NULL,
  current_actor TEXT NOT NULL,
  flow          TEXT NOT NULL,
  parent_id     TEXT NOT NULL,
  replay_of     TEXT NOT NULL,
  reason        TEXT NOT NULL,
  labels        TEXT NOT NULL
) STRICT;
CREATE INDEX tasks_by_parent ON tasks(parent_id) WHERE parent_id <> '';
CREATE INDEX tasks_by_deadline ON tasks(deadline_at) WHERE deadline_at IS NOT NULL AND status < 2;
CREATE INDEX tasks_canceled ON tasks(updated_at) WHERE status = 5;

CREATE TABLE task_inputs(
  task    INTEGER PRIMARY KEY REFERENCES tasks(sequence) ON DELETE CASCADE,
  payload TEXT NOT NULL,
  headers TEXT NOT NULL
) STRICT;

CREATE TABLE task_results(
  task   INTEGER PRIMARY KEY REFERENCES tasks(sequence) ON DELETE CASCADE,
  result TEXT NOT NULL,
  error  TEXT NOT NULL
) STRICT;

CREATE TABLE task_events(
  task     INTEGER NOT NULL REFERENCES tasks(sequence) ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  type     TEXT NOT NULL,
  data     TEXT NOT NULL,
  PRIMARY KEY(task, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys(
  key    TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  task   INTEGER NOT NULL REFERENCES tasks(sequence) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_task ON idempotency_keys(task);

CREATE TABLE dead_letters(
  sequence      INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  at            INTEGER NOT NULL,
  namespace     TEXT NOT NULL,
  actor         TEXT NOT NULL,
  reason        TEXT NOT NULL,
  error_type    TEXT NOT NULL,
  signature     TEXT NOT NULL,
  replayed_as   TEXT NOT NULL,
  error_message TEXT NOT NULL,
  envelope      TEXT NOT NULL,
  raw           TEXT NOT NULL
) STRICT;
)sql";

// For what is dropped by age.
constexpr const char* kHistoryByTime = "CREATE INDEX history_by_time ON history(at)";

// The number of the event with which a task begins: pending, when it was created. It needs no row of its own. 0: it has
// one, from before, or there is none, since a child begins with its first report.
constexpr const char* kFirstEvent = "ALTER TABLE tasks ADD COLUMN first_event INTEGER NOT NULL DEFAULT 0";

}  // namespace

std::vector<sql::sqlite::Migration> Migrations() {
  return {{kComponent, 1, kObjects},
          {kComponent, 2, kTasks},
          {kComponent, 3, kHistoryByTime},
          {kComponent, 4, kFirstEvent}};
}

}  // namespace asya::storage::sqlite
