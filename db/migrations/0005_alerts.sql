-- Alerts: from rules to what was told to whom.
--
--   rule ──▶ alert ──▶ incident ──▶ transition ──▶ notification ──▶ channel
--            (state)   (one firing)  (outbox)       (one message)
--
-- server/alerts writes everything up to `transition`: state, incident, event and outbox row in one
-- transaction. server/notify takes transitions (which marks them in the transaction that does the
-- rest), looks at downtimes, silences and parents, and writes notifications; delivering them is a
-- claim of its own. Neither calls the other.
--
-- What is large is keyed by host first, so that it can be distributed by host_id. host_id 0 stands
-- for the fleet: an incident about many hosts at once. `metric` is '' where it is about the host.

-- A condition. `definition` is the rule as server/alerts/rule_schema.ts reads it. A deleted rule
-- stays, since incidents are about it; its name is free again.
create table rule (
  id integer generated always as identity primary key,
  name text not null,
  definition jsonb not null,
  enabled boolean not null default true,
  -- 'contract': made by POST /alert_config; 'file': by a rules file, which also removes it
  source text not null check (source in ('api', 'contract', 'file')),
  revision integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz
);
create unique index rule_name on rule (name) where deleted_at is null;

-- One row: who evaluates, and how far. `epoch` grows with each evaluator; one that finds another
-- epoch than its own has been replaced and writes nothing more. `rules_revision` grows with each
-- change of rules, `evaluated_at` follows the time while somebody evaluates: what lies between it and
-- the next start was not watched and counts for no duration.
create table alerting (
  id boolean primary key default true check (id),
  epoch bigint not null default 0,
  evaluator text,
  evaluated_at timestamptz,
  rules_revision bigint not null default 0
);
insert into alerting default values;

-- The state of a rule for one series, as long as it is anything but "nothing is wrong, and nothing
-- was lately". `machine` is the state as server/alerts/rule.ts has it; the other columns are for
-- reading. `unknown` is why nothing is known just now.
create table alert (
  host_id integer not null,
  rule_id integer not null,
  metric text not null,
  state text not null check (state in ('inactive', 'pending', 'firing')),
  severity text check (severity in ('warning', 'critical')),
  machine jsonb not null,
  -- of the incident that is open, or was last
  incident_key text,
  value float8,
  unknown text,
  changed_at timestamptz not null,
  primary key (host_id, rule_id, metric)
);

-- One firing, from its beginning to its end, with the evidence: the rule as it was, the points that
-- led to it. `key` is made by the evaluator, so that writing it twice makes one incident.
-- `labels` is what routes and silences match: host, metric, rule, severity, tag.<name> of the host,
-- and the rule's own labels.
create table incident (
  host_id integer not null,
  id bigint generated always as identity,
  key text not null,
  rule_id integer not null,
  metric text not null,
  hostname text not null,
  -- the kind of story: threshold, no_data, script_failed, host_silent, fleet_silent
  story text not null,
  severity text not null check (severity in ('warning', 'critical')),
  worst_severity text not null check (worst_severity in ('warning', 'critical')),
  summary text not null,
  labels jsonb not null,
  rule jsonb not null,
  value float8,
  threshold float8,
  points jsonb not null default '[]',
  flapping boolean not null default false,
  -- while it is open: why nothing is known just now
  unknown text,
  opened_at timestamptz not null,
  resolved_at timestamptz,
  -- recovered, by_hand, rule_deleted, rule_disabled, rule_changed, gone
  resolved_reason text,
  acknowledged_at timestamptz,
  acknowledged_by text,
  acknowledged_note text,
  -- null with acknowledged_at: until it is resolved or gets worse
  acknowledged_until timestamptz,
  primary key (host_id, id),
  unique (host_id, key)
);
create index incident_opened on incident (opened_at desc, id desc);
create index incident_id on incident (id);
create index incident_open on incident (host_id) where resolved_at is null;

-- What happened to an incident, by the program or a person: opened, severity, flapping, unknown,
-- known, acknowledged, unacknowledged, commented, resolved; and by server/notify: silenced (with what
-- was considered, in `detail`), unsilenced.
create table incident_event (
  host_id integer not null,
  id bigint generated always as identity,
  incident_id bigint not null,
  at timestamptz not null,
  kind text not null,
  who text,
  text text,
  detail jsonb,
  primary key (host_id, id)
);
create index incident_event_incident on incident_event (incident_id, id);

-- What a person wants of the state itself, which only the evaluator changes: that an incident be
-- over. Deleted in the transaction that does it.
create table alert_request (
  id bigint generated always as identity primary key,
  host_id integer not null,
  incident_key text not null,
  kind text not null check (kind in ('resolve')),
  who text,
  note text,
  at timestamptz not null
);

-- The outbox: what server/notify has to know of, written with the change itself. `handled_at` is set
-- in the transaction that acts on it.
--   firing, severity (worse or better), resolved, flapping, acknowledged, unacknowledged
create table transition (
  host_id integer not null,
  id bigint generated always as identity,
  key text not null,
  incident_id bigint not null,
  kind text not null check (kind in
    ('firing', 'severity', 'resolved', 'flapping', 'acknowledged', 'unacknowledged')),
  severity text not null check (severity in ('warning', 'critical')),
  at timestamptz not null,
  handled_at timestamptz,
  primary key (host_id, id),
  unique (host_id, key)
);
create index transition_waiting on transition (id) where handled_at is null;
create index transition_incident on transition (incident_id);

-- Where messages go. `config` has no secrets, only where they are found (a file, a variable).
create table channel (
  id integer generated always as identity primary key,
  name text not null unique,
  kind text not null,
  config jsonb not null,
  enabled boolean not null default true,
  source text not null check (source in ('api', 'file')),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- the last delivery that ended, well or not
  last_success_at timestamptz,
  last_failure_at timestamptz,
  last_error text
);

-- Who is told what, when, and how often; tried by position, the first that fits unless it says to go
-- on. `definition` has matchers, channels, grouping, times, repeats and escalation.
create table route (
  id integer generated always as identity primary key,
  name text not null unique,
  position integer not null,
  definition jsonb not null,
  source text not null check (source in ('api', 'file')),
  created_at timestamptz not null,
  updated_at timestamptz not null
);

-- Incidents that are told together: one row for each route and combination of the labels it groups
-- by. `state` has what was told last (which incidents, at which severity) and the step of escalation.
create table notification_group (
  key text primary key,
  route_id integer not null,
  labels jsonb not null,
  state jsonb not null,
  -- when it is to be looked at again: the end of a wait, a repeat, an escalation
  due_at timestamptz,
  updated_at timestamptz not null
);
create index notification_group_due on notification_group (due_at) where due_at is not null;

-- One message to one channel. `key` is what a receiver can tell repetitions by. A delivery claims it
-- until `claimed_until`; a claim that was not ended by then is free again.
create table notification (
  id bigint generated always as identity primary key,
  key text not null unique,
  group_key text not null,
  channel_id integer not null,
  -- first, changed, resolved, repeat, escalation, test
  reason text not null,
  payload jsonb not null,
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed', 'dropped')),
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  claimed_until timestamptz,
  error text,
  created_at timestamptz not null,
  sent_at timestamptz
);
create index notification_waiting on notification (next_attempt_at) where state = 'waiting';

-- Which incidents a message was about: the way from an incident to the deliveries tried.
create table notification_incident (
  incident_id bigint not null,
  notification_id bigint not null,
  primary key (incident_id, notification_id)
);

-- A calendar object during which alerts are evaluated and nobody is told. It is about hosts that fit
-- all that is given: `hostname` (exactly this one, the form of POST /downtime), `hosts` (names and
-- globs), `tags` (a glob by name), and rules by `rules` (names and globs). Empty is everything.
-- Without `pattern` it is from start_at to end_at; with one (a croner pattern in `zone`) it lasts
-- duration_ms from each time the pattern gives between start_at and end_at, where null is for ever.
create table downtime (
  id integer generated always as identity primary key,
  hostname text,
  hosts text[] not null default '{}',
  tags jsonb not null default '{}',
  rules text[] not null default '{}',
  start_at timestamptz not null,
  end_at timestamptz,
  pattern text,
  duration_ms bigint,
  zone text,
  note text not null default '',
  created_by text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- an occurrence that was ended early: nothing before this time counts any more
  ended_at timestamptz,
  deleted_at timestamptz,
  check ((pattern is null) = (duration_ms is null) and (pattern is null) = (zone is null)),
  check (pattern is not null or end_at is not null),
  check (end_at > start_at)
);

-- What somebody does not want to hear of until a time: incidents whose labels match all matchers
-- ([{"label": "metric", "op": "=" | "!=" | "~" | "!~", "value": "disk.*"}], ~ is a glob).
create table silence (
  id integer generated always as identity primary key,
  matchers jsonb not null,
  start_at timestamptz not null,
  end_at timestamptz not null,
  note text not null default '',
  created_by text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (end_at > start_at)
);

-- What a host is behind: while all its parents are silent, that it is silent itself is no news.
create table host_parent (
  host_id integer not null,
  parent_id integer not null,
  primary key (host_id, parent_id),
  check (host_id <> parent_id)
);
