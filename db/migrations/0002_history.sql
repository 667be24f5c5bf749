-- History: blocks of samples, and of rollups in three tiers.
--
-- A block is one host's reports of one shape over one span of time, as compressed columns
-- (docs/block-format.md). The raw tier has one block an hour, 5m one a UTC day, 1h one a UTC month,
-- 1d one a UTC year. Each tier is partitioned by what its retention drops at once.

create table block_raw (
  host_id integer not null,
  shape_id integer not null,
  start timestamptz not null,
  head bytea not null,
  offsets bytea not null,
  data bytea not null,
  primary key (host_id, start, shape_id)
) partition by range (start);

create table block_5m (like block_raw, primary key (host_id, start, shape_id))
  partition by range (start);
create table block_1h (like block_raw, primary key (host_id, start, shape_id))
  partition by range (start);
create table block_1d (like block_raw, primary key (host_id, start, shape_id))
  partition by range (start);

-- data is compressed already, and stored out of line as it is a slice of it can be read alone
alter table block_raw alter column head set storage main, alter column offsets set storage main,
  alter column data set storage external;
alter table block_5m alter column head set storage main, alter column offsets set storage main,
  alter column data set storage external;
alter table block_1h alter column head set storage main, alter column offsets set storage main,
  alter column data set storage external;
alter table block_1d alter column head set storage main, alter column offsets set storage main,
  alter column data set storage external;

-- Work to be done, written in the same transaction as the change that makes it necessary: an hour
-- whose raw block is newer than its five-minute rollups, a day whose five-minute rollups are newer
-- than its hourly and daily ones. Where a row stands here, the finer tier is right and the coarser
-- one is not yet.

create table pending_hour (
  host_id integer not null,
  shape_id integer not null,
  start timestamptz not null,
  primary key (start, host_id, shape_id)
);

create table pending_day (
  host_id integer not null,
  shape_id integer not null,
  start timestamptz not null,
  primary key (start, host_id, shape_id)
);
