CREATE TABLE IF NOT EXISTS "events" (
  "_topic" text NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "_time" timestamp with time zone,
  "_key" text,
  "value" jsonb,
  PRIMARY KEY (_topic, _partition, _offset)
);
COPY "events" ("_topic", "_partition", "_offset", "_time", "_key", "value") FROM STDIN (FORMAT binary);
CREATE TEMPORARY TABLE IF NOT EXISTS inv_stage_ec13fd875e7b9d94 (c1 text, c2 integer, c3 bigint, c4 timestamp with time zone, c5 text, c6 jsonb) ON COMMIT DELETE ROWS;
COPY pg_temp.inv_stage_ec13fd875e7b9d94 FROM STDIN (FORMAT binary);
INSERT INTO "events" ("_topic", "_partition", "_offset", "_time", "_key", "value") SELECT DISTINCT ON (c1, c2, c3) c1, c2, c3, c4, c5, c6 FROM pg_temp.inv_stage_ec13fd875e7b9d94 AS s WHERE NOT EXISTS (SELECT FROM "events" AS t WHERE t._topic = s.c1 AND t._partition = s.c2 AND t._offset = s.c3) ORDER BY c1, c2, c3;
SELECT count(*) FROM "events" WHERE _topic = $1 AND _partition = $2 AND _offset = $3;

CREATE TABLE IF NOT EXISTS "lake"."Odd ""name""" (
  "_topic" text NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "user" text,
  "d" numeric(38,0),
  PRIMARY KEY (_topic, _partition, _offset)
);
COPY "lake"."Odd ""name""" ("_topic", "_partition", "_offset", "user", "d") FROM STDIN (FORMAT binary);
CREATE TEMPORARY TABLE IF NOT EXISTS inv_stage_16b2524b1b6b52c4 (c1 text, c2 integer, c3 bigint, c4 text, c5 numeric(38,0)) ON COMMIT DELETE ROWS;
COPY pg_temp.inv_stage_16b2524b1b6b52c4 FROM STDIN (FORMAT binary);
INSERT INTO "lake"."Odd ""name""" ("_topic", "_partition", "_offset", "user", "d") SELECT DISTINCT ON (c1, c2, c3) c1, c2, c3, c4, c5 FROM pg_temp.inv_stage_16b2524b1b6b52c4 AS s WHERE NOT EXISTS (SELECT FROM "lake"."Odd ""name""" AS t WHERE t._topic = s.c1 AND t._partition = s.c2 AND t._offset = s.c3) ORDER BY c1, c2, c3;
SELECT count(*) FROM "lake"."Odd ""name""" WHERE _topic = $1 AND _partition = $2 AND _offset = $3;

CREATE TABLE IF NOT EXISTS "stock" (
  "product_id" text,
  "seq" bigint NOT NULL,
  "_topic" text NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "current_stock" bigint,
  "unit_price" numeric(12,2),
  "timestamp" timestamp with time zone,
  PRIMARY KEY ("product_id")
);
COPY "stock" ("product_id", "seq", "_topic", "_partition", "_offset", "current_stock", "unit_price", "timestamp") FROM STDIN (FORMAT binary);
CREATE TEMPORARY TABLE IF NOT EXISTS inv_stage_470eb35c2d974060 (c1 text, c2 bigint, c3 text, c4 integer, c5 bigint, c6 bigint, c7 numeric(12,2), c8 timestamp with time zone, gone boolean) ON COMMIT DELETE ROWS;
COPY pg_temp.inv_stage_470eb35c2d974060 FROM STDIN (FORMAT binary);
INSERT INTO "stock" AS t ("product_id", "seq", "_topic", "_partition", "_offset", "current_stock", "unit_price", "timestamp") SELECT DISTINCT ON (c1) c1, c2, c3, c4, c5, c6, c7, c8 FROM pg_temp.inv_stage_470eb35c2d974060 AS s WHERE NOT gone ORDER BY c1, c2 DESC, c5 ON CONFLICT ("product_id") DO UPDATE SET "seq" = excluded."seq", "_topic" = excluded."_topic", "_partition" = excluded."_partition", "_offset" = excluded."_offset", "current_stock" = excluded."current_stock", "unit_price" = excluded."unit_price", "timestamp" = excluded."timestamp" WHERE t."seq" < excluded."seq";
DELETE FROM "stock" AS t USING pg_temp.inv_stage_470eb35c2d974060 AS d WHERE d.gone AND t."product_id" = d.c1 AND t._topic = d.c3 AND t._partition = d.c4 AND t._offset < d.c5;
INSERT INTO "stock" AS t ("product_id", "seq", "_topic", "_partition", "_offset", "current_stock", "unit_price", "timestamp") SELECT DISTINCT ON (c1) c1, c2, c3, c4, c5, c6, c7, c8 FROM pg_temp.inv_stage_470eb35c2d974060 AS s WHERE NOT gone AND NOT EXISTS (SELECT FROM pg_temp.inv_stage_470eb35c2d974060 AS d WHERE d.gone AND d.c1 = s.c1 AND d.c3 = s.c3 AND d.c4 = s.c4 AND d.c5 > s.c5) ORDER BY c1, c2 DESC, c5 ON CONFLICT ("product_id") DO UPDATE SET "seq" = excluded."seq", "_topic" = excluded."_topic", "_partition" = excluded."_partition", "_offset" = excluded."_offset", "current_stock" = excluded."current_stock", "unit_price" = excluded."unit_price", "timestamp" = excluded."timestamp" WHERE t."seq" < excluded."seq";
SELECT count(*) FROM "stock" WHERE _topic = $1 AND _partition = $2 AND _offset = $3;

CREATE TABLE IF NOT EXISTS "stock" (
  "product_id" text,
  "_topic" text NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "current_stock" bigint,
  "unit_price" numeric(12,2),
  "timestamp" timestamp with time zone,
  PRIMARY KEY ("product_id")
);
COPY "stock" ("product_id", "_topic", "_partition", "_offset", "current_stock", "unit_price", "timestamp") FROM STDIN (FORMAT binary);
CREATE TEMPORARY TABLE IF NOT EXISTS inv_stage_d419cf14947de971 (c1 text, c2 text, c3 integer, c4 bigint, c5 bigint, c6 numeric(12,2), c7 timestamp with time zone, gone boolean) ON COMMIT DELETE ROWS;
COPY pg_temp.inv_stage_d419cf14947de971 FROM STDIN (FORMAT binary);
INSERT INTO "stock" AS t ("product_id", "_topic", "_partition", "_offset", "current_stock", "unit_price", "timestamp") SELECT DISTINCT ON (c1) c1, c2, c3, c4, c5, c6, c7 FROM pg_temp.inv_stage_d419cf14947de971 AS s WHERE NOT gone ORDER BY c1, c4 DESC ON CONFLICT ("product_id") DO UPDATE SET "_topic" = excluded."_topic", "_partition" = excluded."_partition", "_offset" = excluded."_offset", "current_stock" = excluded."current_stock", "unit_price" = excluded."unit_price", "timestamp" = excluded."timestamp" WHERE (t._topic, t._partition) <> (excluded._topic, excluded._partition) OR t._offset < excluded._offset;
DELETE FROM "stock" AS t USING pg_temp.inv_stage_d419cf14947de971 AS d WHERE d.gone AND t."product_id" = d.c1 AND t._topic = d.c2 AND t._partition = d.c3 AND t._offset < d.c4;
INSERT INTO "stock" AS t ("product_id", "_topic", "_partition", "_offset", "current_stock", "unit_price", "timestamp") SELECT DISTINCT ON (c1) c1, c2, c3, c4, c5, c6, c7 FROM pg_temp.inv_stage_d419cf14947de971 AS s WHERE NOT gone AND NOT EXISTS (SELECT FROM pg_temp.inv_stage_d419cf14947de971 AS d WHERE d.gone AND d.c1 = s.c1 AND d.c2 = s.c2 AND d.c3 = s.c3 AND d.c4 > s.c4) ORDER BY c1, c4 DESC ON CONFLICT ("product_id") DO UPDATE SET "_topic" = excluded."_topic", "_partition" = excluded."_partition", "_offset" = excluded."_offset", "current_stock" = excluded."current_stock", "unit_price" = excluded."unit_price", "timestamp" = excluded."timestamp" WHERE (t._topic, t._partition) <> (excluded._topic, excluded._partition) OR t._offset < excluded._offset;
SELECT count(*) FROM "stock" WHERE _topic = $1 AND _partition = $2 AND _offset = $3;

CREATE TABLE IF NOT EXISTS "stock" (
  "product_id" text,
  "changed" text NOT NULL,
  "_topic" text NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "current_stock" bigint,
  "unit_price" numeric(12,2),
  "timestamp" timestamp with time zone,
  PRIMARY KEY ("product_id")
);
COPY "stock" ("product_id", "changed", "_topic", "_partition", "_offset", "current_stock", "unit_price", "timestamp") FROM STDIN (FORMAT binary);
CREATE TEMPORARY TABLE IF NOT EXISTS inv_stage_258c5da0eac48a54 (c1 text, c2 text, c3 text, c4 integer, c5 bigint, c6 bigint, c7 numeric(12,2), c8 timestamp with time zone, gone boolean) ON COMMIT DELETE ROWS;
COPY pg_temp.inv_stage_258c5da0eac48a54 FROM STDIN (FORMAT binary);
INSERT INTO "stock" AS t ("product_id", "changed", "_topic", "_partition", "_offset", "current_stock", "unit_price", "timestamp") SELECT DISTINCT ON (c1) c1, c2, c3, c4, c5, c6, c7, c8 FROM pg_temp.inv_stage_258c5da0eac48a54 AS s WHERE NOT gone ORDER BY c1, c2 COLLATE "C" DESC, c5 ON CONFLICT ("product_id") DO UPDATE SET "changed" = excluded."changed", "_topic" = excluded."_topic", "_partition" = excluded."_partition", "_offset" = excluded."_offset", "current_stock" = excluded."current_stock", "unit_price" = excluded."unit_price", "timestamp" = excluded."timestamp" WHERE t."changed" COLLATE "C" < excluded."changed" COLLATE "C";
DELETE FROM "stock" AS t USING pg_temp.inv_stage_258c5da0eac48a54 AS d WHERE d.gone AND t."product_id" = d.c1 AND t._topic = d.c3 AND t._partition = d.c4 AND t._offset < d.c5;
INSERT INTO "stock" AS t ("product_id", "changed", "_topic", "_partition", "_offset", "current_stock", "unit_price", "timestamp") SELECT DISTINCT ON (c1) c1, c2, c3, c4, c5, c6, c7, c8 FROM pg_temp.inv_stage_258c5da0eac48a54 AS s WHERE NOT gone AND NOT EXISTS (SELECT FROM pg_temp.inv_stage_258c5da0eac48a54 AS d WHERE d.gone AND d.c1 = s.c1 AND d.c3 = s.c3 AND d.c4 = s.c4 AND d.c5 > s.c5) ORDER BY c1, c2 COLLATE "C" DESC, c5 ON CONFLICT ("product_id") DO UPDATE SET "changed" = excluded."changed", "_topic" = excluded."_topic", "_partition" = excluded."_partition", "_offset" = excluded."_offset", "current_stock" = excluded."current_stock", "unit_price" = excluded."unit_price", "timestamp" = excluded."timestamp" WHERE t."changed" COLLATE "C" < excluded."changed" COLLATE "C";
SELECT count(*) FROM "stock" WHERE _topic = $1 AND _partition = $2 AND _offset = $3;

CREATE TABLE IF NOT EXISTS "by" (
  "_by" text,
  "_newest" bigint NOT NULL,
  "_topic" text NOT NULL,
  "_partition" integer NOT NULL,
  "_offset" bigint NOT NULL,
  "_time" timestamp with time zone,
  "_key" text,
  "value" jsonb,
  PRIMARY KEY ("_by")
);
COPY "by" ("_by", "_newest", "_topic", "_partition", "_offset", "_time", "_key", "value") FROM STDIN (FORMAT binary);
CREATE TEMPORARY TABLE IF NOT EXISTS inv_stage_8a5b5bfa82b978bf (c1 text, c2 bigint, c3 text, c4 integer, c5 bigint, c6 timestamp with time zone, c7 text, c8 jsonb, gone boolean) ON COMMIT DELETE ROWS;
COPY pg_temp.inv_stage_8a5b5bfa82b978bf FROM STDIN (FORMAT binary);
INSERT INTO "by" AS t ("_by", "_newest", "_topic", "_partition", "_offset", "_time", "_key", "value") SELECT DISTINCT ON (c1) c1, c2, c3, c4, c5, c6, c7, c8 FROM pg_temp.inv_stage_8a5b5bfa82b978bf AS s WHERE NOT gone ORDER BY c1, c2 DESC, c5 ON CONFLICT ("_by") DO UPDATE SET "_newest" = excluded."_newest", "_topic" = excluded."_topic", "_partition" = excluded."_partition", "_offset" = excluded."_offset", "_time" = excluded."_time", "_key" = excluded."_key", "value" = excluded."value" WHERE t."_newest" < excluded."_newest";
DELETE FROM "by" AS t USING pg_temp.inv_stage_8a5b5bfa82b978bf AS d WHERE d.gone AND t."_by" = d.c1 AND t._topic = d.c3 AND t._partition = d.c4 AND t._offset < d.c5;
INSERT INTO "by" AS t ("_by", "_newest", "_topic", "_partition", "_offset", "_time", "_key", "value") SELECT DISTINCT ON (c1) c1, c2, c3, c4, c5, c6, c7, c8 FROM pg_temp.inv_stage_8a5b5bfa82b978bf AS s WHERE NOT gone AND NOT EXISTS (SELECT FROM pg_temp.inv_stage_8a5b5bfa82b978bf AS d WHERE d.gone AND d.c1 = s.c1 AND d.c3 = s.c3 AND d.c4 = s.c4 AND d.c5 > s.c5) ORDER BY c1, c2 DESC, c5 ON CONFLICT ("_by") DO UPDATE SET "_newest" = excluded."_newest", "_topic" = excluded."_topic", "_partition" = excluded."_partition", "_offset" = excluded."_offset", "_time" = excluded."_time", "_key" = excluded."_key", "value" = excluded."value" WHERE t."_newest" < excluded."_newest";
SELECT count(*) FROM "by" WHERE _topic = $1 AND _partition = $2 AND _offset = $3;

CREATE TABLE IF NOT EXISTS inv_positions (
  app text NOT NULL,
  sink text NOT NULL,
  topic text NOT NULL,
  partition integer NOT NULL,
  topic_id text NOT NULL,
  next bigint NOT NULL,
  PRIMARY KEY (app, sink, topic, partition)
)
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = 20000; SET LOCAL idle_in_transaction_session_timeout = 20000; SELECT pg_advisory_xact_lock(-5196179857882956969); 
app = 'app' AND sink = 'out' AND topic = 'inventory_updates' AND partition = 3
SELECT pg_terminate_backend(l.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.classid = '3085137395'::oid AND l.objid = '634960727'::oid AND l.objsubid = 1 AND l.granted AND l.pid <> pg_backend_pid() AND a.usename = current_user
