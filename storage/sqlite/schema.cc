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

}  // namespace

std::vector<sql::sqlite::Migration> Migrations() { return {{kComponent, 1, kObjects}}; }

}  // namespace asya::storage::sqlite
