-- Hosts, metrics, shapes, and the hot table.
--
-- A report is one row: its values in the order of its shape. The shape (the sorted list of metrics)
-- is stored once. `report` is partitioned by time: a partition is written, closed, turned into
-- blocks, and dropped whole. Rows for a time without a partition (late data) go to `report_late`.

create table host (
  id integer generated always as identity primary key,
  hostname text not null unique,
  alias text,
  location text,
  tags jsonb not null default '{}',
  created_at timestamptz not null
);

create table metric (
  id integer generated always as identity primary key,
  name text not null unique,
  unit text,
  kind text check (kind in ('gauge', 'counter', 'state')),
  description text
);

-- metric_ids is in the order of the metrics' names, so that equal sets are one shape;
-- digest is the SHA-256 of those names and is unique where the list itself is too long for an index
create table shape (
  id integer generated always as identity primary key,
  digest bytea not null unique,
  metric_ids integer[] not null
);

-- which shapes a host has ever reported: the way from a host and a metric to its rows
create table host_shape (
  host_id integer not null,
  shape_id integer not null,
  primary key (host_id, shape_id)
);

create table report (
  host_id integer not null,
  shape_id integer not null,
  at timestamptz not null,
  vals float8[] not null,
  primary key (host_id, at, shape_id)
) partition by range (at);

create table report_late partition of report default;

-- rows are written once, read by key, and dropped as a table: no compression (it costs the writer
-- more than the disk), and rows of more than 8 kB go out of line as they are
alter table report alter column vals set storage external;
alter table report_late alter column vals set storage external;

-- texts that came with a value, or instead of one
create table annotation (
  host_id integer not null,
  metric_id integer not null,
  at timestamptz not null,
  message text not null,
  primary key (host_id, metric_id, at)
) partition by range (at);

create table annotation_late partition of annotation default;
