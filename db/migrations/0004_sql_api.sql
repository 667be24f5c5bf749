-- History for anybody who speaks SQL: docs/sql.md.
--
-- Schema api is what users see, and stays as it is from version to version. Schema history finds and
-- joins what schema codec decodes, and may change. Functions run with the rights of their caller,
-- who needs to read the tables; views need no rights but those on the views.
--
-- Reports are rows of `report` at first and cells of blocks later, and both for a while; a metric may
-- be in several shapes of a host (collectors with different intervals). So a sample can come from
-- several places, and counts once: the larger value, as when blocks are merged, 0 above -0.

create schema history;

comment on schema history is 'Reads blocks and hot rows for schema api. Internal: may change with any version';

create schema api;

comment on schema api is 'SQL on history: see docs/sql.md. Stable for users';

-- A series: what its host is, whether it is a counter, and its place (from 1) in each shape.
create type history.series as (
  host_id integer,
  is_counter boolean,
  shape_ids integer[],
  positions integer[]
);

-- A row of a rollup. Times are milliseconds since 1970; see db/codec/rollup.ts for the others.
create type history.bucket as (
  shape_id integer,
  start_ms float8,
  reports float8,
  first_ms float8,
  last_ms float8,
  first float8,
  last float8,
  min float8,
  max float8,
  sum float8,
  lost float8
);

create function history.find_series(hostname text, metric text) returns history.series
language plpgsql stable parallel safe as $$
declare
  series history.series;
  metric_id integer;
begin
  select h.id into series.host_id
  from host h
  where h.hostname = find_series.hostname;
  if not found then
    raise exception 'Cannot find host %', coalesce('"' || hostname || '"', 'null')
      using errcode = 'no_data_found', hint = 'api.host lists all hosts';
  end if;
  select m.id, coalesce(m.kind = 'counter', false) into metric_id, series.is_counter
  from metric m
  where m.name = find_series.metric;
  select array_agg(s.id order by s.id), array_agg(array_position(s.metric_ids, metric_id) order by s.id)
  into series.shape_ids, series.positions
  from host_shape hs
  join shape s on s.id = hs.shape_id
  where hs.host_id = series.host_id
    and metric_id = any(s.metric_ids);
  if series.shape_ids is null then
    raise exception 'Cannot find metric % of host "%"', coalesce('"' || metric || '"', 'null'), hostname
      using errcode = 'no_data_found', hint = 'api.series lists the metrics of every host';
  end if;
  return series;
end
$$;

-- All samples of a series in a range, ends included, as often as they are stored. SQL, not PL/pgSQL:
-- it becomes a part of the statement that calls it, and its rows are not stored in between.
create function history.samples(
  host_id integer,
  shape_ids integer[],
  positions integer[],
  since timestamptz,
  until timestamptz
)
returns table (shape_id integer, at timestamptz, value float8)
language sql stable parallel safe rows 10000 as $$
  select d.shape_id, d.at, d.value
  from (
    select
      b.shape_id,
      -- seconds as a double are exact to the millisecond until the year 2106
      to_timestamp(unnest(codec.axis(b.head, 0)) / 1000) as at,
      unnest(codec.column_values(b.cell, codec.rows_of(b.head))) as value
    from (
      select
        r.shape_id,
        r.head,
        codec.cell(
          r.head, r.offsets, r.data, samples.positions[array_position(samples.shape_ids, r.shape_id)] - 1
        ) as cell
      from block_raw r
      where r.host_id = samples.host_id
        and r.shape_id = any(samples.shape_ids)
        and r.start > samples.since - interval '1 hour'
        and r.start <= samples.until
      -- nearly sorted input makes the caller's sort cheap
      order by r.start
    ) b
  ) d
  where d.at >= samples.since
    and d.at <= samples.until
  union all
  select
    r.shape_id,
    r.at,
    r.vals[samples.positions[array_position(samples.shape_ids, r.shape_id)]]
  from report r
  where r.host_id = samples.host_id
    and r.shape_id = any(samples.shape_ids)
    and r.at >= samples.since
    and r.at <= samples.until
$$;

-- The stored buckets of a tier that begin in a range, ends included.
create function history.stored(
  tier text,
  series history.series,
  since timestamptz,
  until timestamptz
)
returns setof history.bucket
language plpgsql stable parallel safe rows 10000 as $$
begin
  return query execute format(
    $query$
      select *
      from (
        select
          b.shape_id,
          unnest(b.start_ms) as start_ms,
          unnest(b.reports),
          unnest(b.start_ms) + unnest(b.first_after_ms),
          unnest(b.start_ms) + unnest(b.last_after_ms),
          unnest(c.first),
          unnest(c.last),
          unnest(c.min),
          unnest(c.max),
          unnest(c.sum),
          unnest(c.lost)
        from (
          select
            t.shape_id,
            codec.axis(t.head, 0) as start_ms,
            codec.axis(t.head, 1) as reports,
            codec.axis(t.head, 2) as first_after_ms,
            codec.axis(t.head, 3) as last_after_ms,
            codec.cell(t.head, t.offsets, t.data, $3[array_position($2, t.shape_id)] - 1) as cell,
            codec.rows_of(t.head) as rows
          from %I t
          where t.host_id = $1
            and t.shape_id = any($2)
            and t.start > $4 - $6
            and t.start <= $5
          offset 0
        ) b
        cross join lateral codec.rollup_columns(b.cell, b.rows) c
      ) d
      where d.start_ms >= extract(epoch from $4) * 1000
        and d.start_ms <= extract(epoch from $5) * 1000
    $query$,
    'block_' || tier
  )
  using series.host_id, series.shape_ids, series.positions, since, until, history.block_span(tier);
end
$$;

-- The longest time that a block of a tier spans; in hours, which are the same in every time zone.
create function history.block_span(tier text) returns interval
language sql immutable strict parallel safe as $$
  select case tier
    when 'raw' then interval '1 hour'
    when '5m' then interval '24 hours'
    when '1h' then interval '744 hours'
    when '1d' then interval '8784 hours'
  end
$$;

create function history.bucket_ms(tier text) returns float8
language sql immutable strict parallel safe as $$
  select case tier
    when '5m' then 300000::float8
    when '1h' then 3600000::float8
    when '1d' then 86400000::float8
  end
$$;

-- The hours of a range for which samples are newer than their five-minute rollups: those that say
-- so, and those with hot rows, which may be in no block yet.
create function history.fresh_hours(
  series history.series,
  since timestamptz,
  until timestamptz
)
returns table (shape_id integer, start timestamptz)
language sql stable parallel safe rows 10 as $$
  select p.shape_id, p.start
  from pending_hour p
  where p.host_id = series.host_id
    and p.shape_id = any(series.shape_ids)
    and p.start > since - interval '1 hour'
    and p.start <= until
  union
  select r.shape_id, date_bin('1 hour', r.at, 'epoch')
  from report r
  where r.host_id = series.host_id
    and r.shape_id = any(series.shape_ids)
    and r.at >= date_bin('1 hour', since, 'epoch')
    and r.at < date_bin('1 hour', until, 'epoch') + interval '1 hour'
$$;

-- Five-minute buckets of those hours, made from samples.
create function history.fresh_5m(
  series history.series,
  since timestamptz,
  until timestamptz
)
returns setof history.bucket
language sql stable parallel safe rows 100 as $$
  with sample as (
    select distinct on (s.shape_id, s.at)
      s.shape_id,
      (extract(epoch from s.at) * 1000)::float8 as at_ms,
      (extract(epoch from date_bin('5 minutes', s.at, 'epoch')) * 1000)::float8 as start_ms,
      s.value
    from history.fresh_hours(series, since, until) h
    cross join lateral history.samples(
      (series).host_id,
      (series).shape_ids,
      (series).positions,
      h.start,
      h.start + interval '1 hour' - interval '1 microsecond'
    ) s
    where s.shape_id = h.shape_id
    order by s.shape_id, s.at, s.value desc, float8send(s.value)
  ),
  step as (
    select
      *,
      lag(value) over (partition by shape_id, start_ms order by at_ms) as before
    from sample
  )
  select
    shape_id,
    start_ms,
    count(*)::float8,
    min(at_ms),
    max(at_ms),
    (array_agg(value order by at_ms))[1],
    (array_agg(value order by at_ms desc))[1],
    codec.smallest(array_agg(value)),
    codec.largest(array_agg(value)),
    case when not (series).is_counter then codec.exact_sum(array_agg(value)) end,
    case when (series).is_counter then
      codec.exact_sum(coalesce(array_agg(before) filter (where value < before), '{}'))
    end
  from step
  group by shape_id, start_ms
$$;

-- Rollups of rollups.
create function history.coarser(finer history.bucket[], bucket_ms float8)
returns setof history.bucket
language sql immutable parallel safe rows 100 as $$
  with step as (
    select
      b.*,
      c.coarse_ms,
      lag(b.last) over (partition by b.shape_id, c.coarse_ms order by b.start_ms) as before
    from unnest(finer) b
    cross join lateral (select floor(b.start_ms / bucket_ms) * bucket_ms) c (coarse_ms)
  )
  select
    shape_id,
    coarse_ms,
    sum(reports),
    min(first_ms),
    max(last_ms),
    (array_agg(first order by start_ms))[1],
    (array_agg(last order by start_ms desc))[1],
    codec.smallest(array_agg(min)),
    codec.largest(array_agg(max)),
    codec.exact_sum(array_agg(sum)),
    codec.exact_sum(array_agg(lost) || coalesce(array_agg(before) filter (where first < before), '{}'))
  from step
  group by shape_id, coarse_ms
$$;

-- The buckets of a tier that begin in a range, ends included, whatever is still to be rolled up. Of a
-- bucket that is stored and was made anew, the one of more reports is right: reports are only added.
-- So a late report does not replace a bucket whose samples are dropped already.
create function history.buckets(
  tier text,
  series history.series,
  since timestamptz,
  until timestamptz
)
returns setof history.bucket
language plpgsql stable parallel safe rows 10000 as $$
declare
  fresh history.bucket[] := '{}';
  day timestamptz;
begin
  if tier = '5m' then
    fresh := array(select f from history.fresh_5m(series, since, until) f);
  else
    for day in
      select p.start
      from pending_day p
      where p.host_id = series.host_id
        and p.shape_id = any(series.shape_ids)
        and p.start > since - interval '24 hours'
        and p.start <= until
      union
      select date_bin('24 hours', h.start, 'epoch')
      from history.fresh_hours(
        series,
        since,
        -- later hours of its last day belong to the bucket of that day
        date_bin('24 hours', until, 'epoch') + interval '23 hours'
      ) h
    loop
      fresh := fresh || array(
        select f
        from history.buckets('5m', series, day, day + interval '24 hours' - interval '1 microsecond') f
      );
    end loop;
    fresh := array(select f from history.coarser(fresh, history.bucket_ms('1h')) f);
    if tier = '1d' then
      fresh := array(select f from history.coarser(fresh, history.bucket_ms('1d')) f);
    end if;
  end if;
  if cardinality(fresh) = 0 then
    return query select * from history.stored(tier, series, since, until);
    return;
  end if;
  return query
    select distinct on (b.shape_id, b.start_ms)
      b.shape_id, b.start_ms, b.reports, b.first_ms, b.last_ms,
      b.first, b.last, b.min, b.max, b.sum, b.lost
    from (
      select f.*, 1 as turn
      from unnest(fresh) f
      where f.start_ms >= extract(epoch from since) * 1000
        and f.start_ms <= extract(epoch from until) * 1000
      union all
      select s.*, 2
      from history.stored(tier, series, since, until) s
    ) b
    order by b.shape_id, b.start_ms, b.reports desc, b.turn;
end
$$;

-- One bucket of two of different shapes; `a` begins first. Collectors with different intervals make
-- shapes that alternate: then both have seen the same resets, and the larger loss is the right one.
create function history.joined(a history.bucket, b history.bucket) returns history.bucket
language sql immutable parallel safe as $$
  select case when a is null then b else row(
    a.shape_id,
    a.start_ms,
    a.reports + b.reports,
    a.first_ms,
    greatest(a.last_ms, b.last_ms),
    case when a.first_ms < b.first_ms then a.first else codec.largest(array[a.first, b.first]) end,
    case
      when a.last_ms > b.last_ms then a.last
      when a.last_ms < b.last_ms then b.last
      else codec.largest(array[a.last, b.last])
    end,
    codec.smallest(array[a.min, b.min]),
    codec.largest(array[a.max, b.max]),
    codec.exact_sum(array[a.sum, b.sum]),
    case
      when b.first_ms <= a.last_ms then greatest(a.lost, b.lost)
      else codec.exact_sum(array[a.lost, b.lost, case when b.first < a.last then a.last else 0 end])
    end
  )::history.bucket end
$$;

create aggregate history.join_shapes(history.bucket) (
  sfunc = history.joined,
  stype = history.bucket,
  parallel = safe
);

-- The last value before a time, from the finest tier that has one: what retention has dropped is in
-- the coarser ones. Null when there is none.
create function history.value_before(series history.series, before timestamptz) returns float8
language plpgsql stable parallel safe as $$
declare
  tier text;
  -- whole blocks before that time, and those begun before it
  since timestamptz;
  value float8;
begin
  foreach tier in array '{raw,5m,1h,1d}'::text[] loop
    execute format(
      'select max(start) from %I where host_id = $1 and shape_id = any($2) and start <= $3',
      'block_' || tier
    )
    into since
    using series.host_id, series.shape_ids, before - history.block_span(tier);
    since := coalesce(since, '-infinity');
    if tier = 'raw' then
      select s.value into value
      from history.samples(
        series.host_id, series.shape_ids, series.positions, since, before - interval '1 microsecond'
      ) s
      order by s.at desc, s.value desc, float8send(s.value)
      limit 1;
    else
      select s.last into value
      from history.stored(tier, series, since, before) s
      where s.start_ms + history.bucket_ms(tier) <= extract(epoch from before) * 1000
      order by s.last_ms desc, s.last desc, float8send(s.last)
      limit 1;
    end if;
    exit when value is not null;
  end loop;
  return value;
end
$$;

create view api.host as
select
  h.hostname,
  h.alias,
  h.location,
  h.tags,
  coalesce(
    (
      select max(r.at)
      from report r
      where r.host_id = h.id
    ),
    (
      select timestamptz 'epoch' + (codec.axis(b.head, 0))[codec.rows_of(b.head)] * interval '1 millisecond'
      from block_raw b
      where b.host_id = h.id
      order by b.start desc
      limit 1
    ),
    (
      select timestamptz 'epoch' + interval '1 millisecond' * (
        (codec.axis(b.head, 0))[codec.rows_of(b.head)] + (codec.axis(b.head, 3))[codec.rows_of(b.head)]
      )
      from block_1d b
      where b.host_id = h.id
      order by b.start desc
      limit 1
    )
  ) as last_seen
from host h;

comment on view api.host is 'Hosts, and when each was last heard of';

create view api.metric as
select
  m.name,
  m.unit,
  m.kind,
  m.description
from metric m;

comment on view api.metric is 'Metrics, and what is known about them';

create view api.series as
select distinct
  h.hostname,
  m.name as metric
from host h
join host_shape hs on hs.host_id = h.id
join shape s on s.id = hs.shape_id
cross join lateral unnest(s.metric_ids) as i (metric_id)
join metric m on m.id = i.metric_id;

comment on view api.series is 'Which host has ever reported which metric';

create view api.recent as
select
  h.hostname,
  m.name as metric,
  r.at,
  r.vals[i.position] as value
from host h
join host_shape hs on hs.host_id = h.id
join shape s on s.id = hs.shape_id
cross join lateral unnest(s.metric_ids) with ordinality as i (metric_id, position)
join metric m on m.id = i.metric_id
join report r on r.host_id = hs.host_id and r.shape_id = hs.shape_id;

comment on view api.recent is 'Samples of the last minutes or hours, as they came: all hosts and metrics';

create function api.samples(
  hostname text,
  metric text,
  since timestamptz,
  until timestamptz default 'infinity'
)
returns table (at timestamptz, value float8)
language plpgsql stable parallel safe rows 10000
set search_path = public, pg_temp as $$
declare
  series history.series := history.find_series(hostname, metric);
begin
  return query
    select distinct on (s.at) s.at, s.value
    from history.samples(
      series.host_id, series.shape_ids, series.positions, samples.since, samples.until
    ) s
    -- what float8send() makes of -0 is above what it makes of 0
    order by s.at, s.value desc, float8send(s.value);
end
$$;

comment on function api.samples is
  'The samples of one metric of one host, in order of time; both ends belong to the range';

create function api.rollup(
  hostname text,
  metric text,
  tier text,
  since timestamptz,
  until timestamptz default 'infinity'
)
returns table (
  at timestamptz,
  count bigint,
  min float8,
  max float8,
  avg float8,
  sum float8,
  first float8,
  last float8,
  increase float8
)
language plpgsql stable parallel safe rows 10000
set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
  series history.series := history.find_series(hostname, metric);
  buckets history.bucket[];
  previous float8;
begin
  if tier is null or tier not in ('5m', '1h', '1d') then
    raise exception 'tier must be 5m, 1h or 1d: current value is %', coalesce('"' || tier || '"', 'null')
      using errcode = 'invalid_parameter_value', hint = 'api.samples gives the samples themselves';
  end if;
  buckets := array(
    select b
    from history.buckets(tier, series, rollup.since, rollup.until) b
    order by b.start_ms
  );
  if cardinality(series.shape_ids) > 1 then
    buckets := array(
      select history.join_shapes(b order by b.first_ms) as b
      from unnest(buckets) b
      group by b.start_ms
      order by b.start_ms
    );
  end if;
  if series.is_counter and cardinality(buckets) > 0 then
    previous := history.value_before(
      series, timestamptz 'epoch' + buckets[1].start_ms * interval '1 millisecond'
    );
  end if;
  return query
    select
      timestamptz 'epoch' + b.start_ms * interval '1 millisecond',
      b.reports::bigint,
      b.min,
      b.max,
      case when not series.is_counter then b.sum / b.reports end,
      case when not series.is_counter then b.sum end,
      b.first,
      b.last,
      case when series.is_counter then codec.exact_sum(array[
        b.last,
        -- a value below the one before it: the counter began anew at 0
        case when b.first < b.before then 0 else -b.before end,
        b.lost
      ]) end
    from (
      select
        u.*,
        coalesce(lag(u.last) over (order by u.start_ms), previous, u.first) as before
      from unnest(buckets) u
    ) b
    order by b.start_ms;
end
$$;

comment on function api.rollup is
  'Five minutes, hours or days of one metric of one host, in order of time; both ends belong to the range';
