#include "storage/postgres/schema.h"

namespace asya::storage::postgres {
namespace {

constexpr const char* kComponent = "storage";

// A version that was released is never edited: a change is a new version. What the tables mean stands in
// storage/sqlite/schema.cc; names sort by bytes, as everywhere else.
constexpr const char* kObjects = R"sql(
CREATE TABLE objects(
  resource  text COLLATE "C" NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  name      text COLLATE "C" NOT NULL,
  uid       text NOT NULL,
  revision  bigint NOT NULL,
  labels    text NOT NULL,
  json      text NOT NULL,
  PRIMARY KEY(resource, namespace, name)
);

CREATE TABLE events(
  revision          bigint PRIMARY KEY,
  at                bigint NOT NULL,
  type              text NOT NULL CHECK(type IN ('A', 'M', 'D')),
  resource          text COLLATE "C" NOT NULL,
  namespace         text COLLATE "C" NOT NULL,
  name              text COLLATE "C" NOT NULL,
  uid               text NOT NULL,
  previous_revision bigint,
  labels            text NOT NULL,
  previous_labels   text,
  json              text NOT NULL,
  previous_json     text
);

CREATE TABLE history(
  revision   bigint PRIMARY KEY,
  at         bigint NOT NULL,
  uid        text NOT NULL,
  resource   text COLLATE "C" NOT NULL,
  namespace  text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  username   text NOT NULL,
  user_agent text NOT NULL,
  verb       text NOT NULL,
  json       text NOT NULL
);
CREATE INDEX history_by_uid ON history(uid, revision);
CREATE INDEX history_by_key ON history(resource, namespace, name, revision);

CREATE TABLE watermark(
  id        bigint PRIMARY KEY CHECK(id = 1),
  head      bigint NOT NULL,
  compacted bigint NOT NULL
);
INSERT INTO watermark(id, head, compacted) VALUES(1, 1, 1);
)sql";

// Numbers of status are those of ports::TaskStatus; progress is in millionths; times in microseconds since the epoch.
constexpr const char* kTasks = R"sql(
CREATE TABLE tasks(
  sequence      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id            text COLLATE "C" NOT NULL UNIQUE,
  status        int NOT NULL CHECK(status BETWEEN 0 AND 5),
  progress      int NOT NULL CHECK(progress BETWEEN 0 AND 1000000),
  version       bigint NOT NULL,
  created_at    bigint NOT NULL,
  updated_at    bigint NOT NULL,
  deadline_at   bigint,
  namespace     text NOT NULL,
  actor         text NOT NULL,
  current_actor text NOT NULL,
  flow          text NOT NULL,
  parent_id     text COLLATE "C" NOT NULL,
  replay_of     text NOT NULL,
  reason        text NOT NULL,
  labels        text NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX tasks_by_parent ON tasks(parent_id) WHERE parent_id <> '';
CREATE INDEX tasks_by_deadline ON tasks(deadline_at) WHERE deadline_at IS NOT NULL AND status < 2;
CREATE INDEX tasks_canceled ON tasks(updated_at) WHERE status = 5;

CREATE TABLE task_inputs(
  task    bigint PRIMARY KEY REFERENCES tasks(sequence) ON DELETE CASCADE,
  payload text NOT NULL,
  headers text NOT NULL
);

CREATE TABLE task_results(
  task   bigint PRIMARY KEY REFERENCES tasks(sequence) ON DELETE CASCADE,
  result text NOT NULL,
  error  text NOT NULL
);

-- Numbered while the row of the task is locked, so that those of one task are seen in their order.
CREATE TABLE task_events(
  task     bigint NOT NULL REFERENCES tasks(sequence) ON DELETE CASCADE,
  sequence bigint GENERATED ALWAYS AS IDENTITY,
  at       bigint NOT NULL,
  type     text NOT NULL,
  data     text NOT NULL,
  PRIMARY KEY(task, sequence)
);

CREATE TABLE idempotency_keys(
  key     text COLLATE "C" PRIMARY KEY,
  digest  text NOT NULL,
  task_id text COLLATE "C" NOT NULL
);
CREATE INDEX idempotency_keys_by_task ON idempotency_keys(task_id);

CREATE TABLE dead_letters(
  sequence      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id            text COLLATE "C" NOT NULL UNIQUE,
  at            bigint NOT NULL,
  namespace     text NOT NULL,
  actor         text NOT NULL,
  reason        text NOT NULL,
  error_type    text NOT NULL,
  signature     text NOT NULL,
  replayed_as   text NOT NULL,
  error_message text NOT NULL,
  envelope      text NOT NULL,
  raw           text NOT NULL
);
)sql";

// For what is dropped by age.
constexpr const char* kHistoryByTime = "CREATE INDEX history_by_time ON history(at)";

// Half the processor time of PostgreSQL's own compression, which each write of more than 2 KiB meets; what was stored
// before stays as it is. A server that was built without it keeps its own.
constexpr const char* kCompression = R"sql(
DO $$ BEGIN
  ALTER TABLE objects ALTER COLUMN json SET COMPRESSION lz4;
  ALTER TABLE events ALTER COLUMN json SET COMPRESSION lz4, ALTER COLUMN previous_json SET COMPRESSION lz4;
  ALTER TABLE history ALTER COLUMN json SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$
)sql";

// Live events on their way between processes. Of those of one, `sequence` is the order; what a crash takes is missed by
// nobody.
constexpr const char* kFlyEvents = R"sql(
CREATE UNLOGGED TABLE fly_events(
  server    text COLLATE "C" NOT NULL,
  sequence  bigint NOT NULL,
  at        bigint NOT NULL,
  task      text NOT NULL,
  namespace text NOT NULL,
  data      text NOT NULL,
  PRIMARY KEY(server, sequence)
);
)sql";

}  // namespace

std::vector<sql::postgres::Migration> Migrations() {
  return {{kComponent, 1, kObjects},
          {kComponent, 2, kTasks},
          {kComponent, 3, kHistoryByTime},
          {kComponent, 4, kCompression},
          {kComponent, 5, kFlyEvents}};
}

}  // namespace asya::storage::postgres
