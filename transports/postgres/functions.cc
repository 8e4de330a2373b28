#include "transports/postgres/functions.h"

namespace asya::transports::postgres {

// Returns the place, from 1, of the first message that has no queue; NULL: all are there.
const char* const kPublishMessages = R"sql(
CREATE FUNCTION publish_messages(sent_to text[], publisher_shard bigint, sent bytea[])
RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
  queue_ids bigint[];
  queue_names text[];
  unroutable bigint;
BEGIN
  -- They stay until the commit.
  SELECT coalesce(array_agg(q.id), '{}'), coalesce(array_agg(q.name), '{}') INTO queue_ids, queue_names
    FROM (SELECT f.id, f.name FROM queues f WHERE f.name = ANY(sent_to) ORDER BY f.id FOR KEY SHARE) AS q;
  SELECT min(s.place) INTO unroutable FROM unnest(sent_to) WITH ORDINALITY AS s(name, place)
    WHERE s.name <> ALL(queue_names);
  IF unroutable IS NOT NULL THEN
    RETURN unroutable;
  END IF;
  WITH added AS MATERIALIZED (
         SELECT nextval('messages_id_seq') AS id, q.id AS queue_id, s.body
         FROM unnest(sent_to, sent) WITH ORDINALITY AS s(name, body, place)
         JOIN unnest(queue_ids, queue_names) AS q(id, name) ON q.name = s.name ORDER BY s.place),
       arrived AS (INSERT INTO messages(id, queue_id) OVERRIDING SYSTEM VALUE SELECT a.id, a.queue_id FROM added a)
    INSERT INTO bodies(id, body) SELECT a.id, a.body FROM added a;
  -- Last, since others wait for these rows; in the order of the ids, in which all lock them.
  INSERT INTO queue_totals AS t(queue_id, shard, arrived, settled)
    SELECT q.id, publisher_shard, count(*), 0 FROM unnest(sent_to) AS s(name)
    JOIN unnest(queue_ids, queue_names) AS q(id, name) ON q.name = s.name GROUP BY q.id ORDER BY q.id
    ON CONFLICT (queue_id, shard) DO UPDATE SET arrived = t.arrived + excluded.arrived;
  PERFORM pg_notify('asya_queue', '0 ' || n.name) FROM unnest(queue_names) AS n(name);
  RETURN NULL;
END
$function$;
)sql";

// Each statement in it sees what was committed before it began. Rows of what is returned, by their kind:
//   gone        the queue is not the one that is meant; nothing was done
//   unroutable  an acknowledged row, and the place from 1 of the first of its messages that has no queue
//   settled     an acknowledged, retried or returned row; of those that are not told the lease was lost
//   begun       a row, as begun
//   taken       a row, its count of crashes, since when it is visible in microseconds of the epoch, its body
//   next        milliseconds until another message may become free, where fewer than wanted were
const char* const kSettleAndTake = R"sql(
CREATE FUNCTION settle_and_take(
  own_queue text, own_id bigint, owner bigint, owner_shard bigint, lease_ms bigint,
  acknowledged bigint[], sent_by bigint[], sent_to text[],
  retried bigint[], retried_delays_us bigint[],
  given_back bigint[], given_back_crashes bigint[],
  begun bigint[], begun_crashes bigint[], kept bigint[], wanted bigint,
  sent bytea[], retried_bodies bytea[])
RETURNS TABLE(kind text, line bigint, number bigint, since_us bigint, content bytea) LANGUAGE plpgsql AS $function$
DECLARE
  queue_ids bigint[] := '{}';
  queue_names text[] := '{}';
  unroutable bigint[] := '{}';
  places bigint[] := '{}';
  done bigint[] := '{}';
  took bigint[] := '{}';
  took_crashes bigint[];
  took_since_us bigint[];
BEGIN
  IF NOT EXISTS (SELECT FROM queues q WHERE q.id = own_id AND q.name = own_queue) THEN
    RETURN QUERY SELECT 'gone', NULL::bigint, NULL::bigint, NULL::bigint, NULL::bytea;
    RETURN;
  END IF;

  IF cardinality(sent_to) > 0 THEN
    -- Those that are sent to stay until the commit, and the own one, so that nobody waits crosswise who removes it.
    SELECT coalesce(array_agg(q.id), '{}'), coalesce(array_agg(q.name), '{}') INTO queue_ids, queue_names
      FROM (SELECT f.id, f.name FROM queues f WHERE f.name = ANY(sent_to || own_queue) ORDER BY f.id
            FOR KEY SHARE) AS q;
    IF own_id <> ALL(queue_ids) THEN
      RETURN QUERY SELECT 'gone', NULL::bigint, NULL::bigint, NULL::bigint, NULL::bytea;
      RETURN;
    END IF;
    SELECT coalesce(array_agg(u.ack), '{}'), coalesce(array_agg(u.place), '{}') INTO unroutable, places
      FROM (SELECT s.ack, min(s.place) AS place FROM unnest(sent_by, sent_to) WITH ORDINALITY AS s(ack, name, place)
            WHERE s.name <> ALL(queue_names) GROUP BY s.ack) AS u;
    RETURN QUERY SELECT 'unroutable', u.ack, u.place, NULL::bigint, NULL::bytea
      FROM unnest(unroutable, places) AS u(ack, place);
  END IF;

  IF cardinality(acknowledged) > 0 THEN
    WITH settled AS (DELETE FROM messages m WHERE m.id = ANY(acknowledged) AND m.id <> ALL(unroutable)
                     AND m.lease_owner = owner RETURNING m.id),
         gone AS (DELETE FROM bodies b USING settled s WHERE b.id = s.id)
      SELECT coalesce(array_agg(s.id), '{}') INTO done FROM settled s;
    RETURN QUERY SELECT 'settled', d.id, NULL::bigint, NULL::bigint, NULL::bytea FROM unnest(done) AS d(id);
    WITH added AS MATERIALIZED (
           SELECT nextval('messages_id_seq') AS id, q.id AS queue_id, s.body
           FROM unnest(sent_by, sent_to, sent) WITH ORDINALITY AS s(ack, name, body, place)
           JOIN unnest(queue_ids, queue_names) AS q(id, name) ON q.name = s.name
           WHERE s.ack = ANY(done) ORDER BY s.place),
         arrived AS (INSERT INTO messages(id, queue_id) OVERRIDING SYSTEM VALUE SELECT a.id, a.queue_id FROM added a)
      INSERT INTO bodies(id, body) SELECT a.id, a.body FROM added a;
  END IF;

  IF cardinality(retried) > 0 THEN
    RETURN QUERY
      WITH changed AS (
             UPDATE messages m SET visible_at = now() + r.delay_us * interval '1 microsecond',
               leased_until = NULL, lease_owner = NULL, crash_count = 0
             FROM unnest(retried, retried_delays_us, retried_bodies) AS r(id, delay_us, body)
             WHERE m.id = r.id AND m.lease_owner = owner RETURNING m.id, r.body),
           written AS (UPDATE bodies b SET body = c.body FROM changed c WHERE b.id = c.id)
        SELECT 'settled', c.id, NULL::bigint, NULL::bigint, NULL::bytea FROM changed c;
  END IF;

  IF cardinality(given_back) > 0 THEN
    RETURN QUERY UPDATE messages m SET leased_until = NULL, lease_owner = NULL, crash_count = r.crashes
      FROM unnest(given_back, given_back_crashes) AS r(id, crashes) WHERE m.id = r.id AND m.lease_owner = owner
      RETURNING 'settled', m.id, NULL::bigint, NULL::bigint, NULL::bytea;
  END IF;

  IF cardinality(begun) > 0 THEN
    RETURN QUERY UPDATE messages m SET crash_count = r.crashes
      FROM unnest(begun, begun_crashes) AS r(id, crashes) WHERE m.id = r.id AND m.lease_owner = owner
      RETURNING 'begun', m.id, NULL::bigint, NULL::bigint, NULL::bytea;
  END IF;

  IF cardinality(kept) > 0 THEN
    UPDATE messages m SET leased_until = now() + lease_ms * interval '1 millisecond'
      WHERE m.id = ANY(kept) AND m.lease_owner = owner;
  END IF;

  IF wanted > 0 THEN
    WITH taken AS (
           UPDATE messages m SET lease_owner = owner, leased_until = now() + lease_ms * interval '1 millisecond'
           FROM (SELECT f.id FROM messages f WHERE f.queue_id = own_id AND f.visible_at <= now()
                 AND (f.leased_until IS NULL OR f.leased_until <= now()) ORDER BY f.visible_at, f.id LIMIT wanted
                 FOR UPDATE SKIP LOCKED) AS free
           WHERE m.id = free.id
           RETURNING m.id, m.crash_count, (extract(epoch FROM m.visible_at) * 1000000)::bigint AS since_us)
      SELECT coalesce(array_agg(t.id), '{}'), array_agg(t.crash_count), array_agg(t.since_us)
      INTO took, took_crashes, took_since_us FROM taken t;
    -- A statement of its own, now that they are locked: the one before may not see the body that a retry wrote while
    -- it waited. One without a body, which nothing here makes, comes as an empty one: no envelope, so a dead letter.
    RETURN QUERY SELECT 'taken', t.id, t.crashes, t.since_us,
        coalesce((SELECT b.body FROM bodies b WHERE b.id = t.id), '')
      FROM unnest(took, took_crashes, took_since_us) AS t(id, crashes, since_us) ORDER BY t.since_us, t.id;
    IF cardinality(took) < wanted THEN
      RETURN QUERY SELECT 'next', NULL::bigint,
          ceil(extract(epoch FROM min(greatest(m.visible_at, m.leased_until)) - now()) * 1000)::bigint,
          NULL::bigint, NULL::bytea
        FROM messages m WHERE m.queue_id = own_id AND m.lease_owner IS DISTINCT FROM owner
        AND (m.visible_at > now() OR m.leased_until > now());
    END IF;
  END IF;

  -- Last, since others wait for these rows; in the order of the ids, in which all lock them.
  IF cardinality(done) > 0 THEN
    INSERT INTO queue_totals AS t(queue_id, shard, arrived, settled)
      SELECT c.queue_id, owner_shard, sum(c.arrived)::bigint, sum(c.settled)::bigint
      FROM (SELECT own_id AS queue_id, 0 AS arrived, cardinality(done) AS settled
            UNION ALL SELECT q.id, 1, 0 FROM unnest(sent_by, sent_to) AS s(ack, name)
            JOIN unnest(queue_ids, queue_names) AS q(id, name) ON q.name = s.name WHERE s.ack = ANY(done)) AS c
      GROUP BY c.queue_id ORDER BY c.queue_id
      ON CONFLICT (queue_id, shard)
      DO UPDATE SET arrived = t.arrived + excluded.arrived, settled = t.settled + excluded.settled;
    PERFORM pg_notify('asya_queue', '0 ' || n.name)
      FROM (SELECT DISTINCT s.name FROM unnest(sent_by, sent_to) AS s(ack, name) WHERE s.ack = ANY(done)) AS n;
  END IF;
  IF cardinality(given_back) > 0 THEN
    PERFORM pg_notify('asya_queue', '0 ' || own_queue);
  ELSIF cardinality(retried) > 0 THEN
    PERFORM pg_notify('asya_queue', ceil(min(r.delay_us) / 1000.0)::bigint || ' ' || own_queue)
      FROM unnest(retried_delays_us) AS r(delay_us);
  END IF;
END
$function$;
)sql";

}  // namespace asya::transports::postgres
