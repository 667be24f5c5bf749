-- Which incidents a group tells of. `turn_at` is when the group is to speak of the incident: what is
-- over before that is not told, what was still there then is told, however late somebody comes to
-- look. `looked_at`: somebody has.
create table notification_member (
  group_key text not null,
  incident_id bigint not null,
  turn_at timestamptz not null,
  looked_at timestamptz,
  primary key (incident_id, group_key)
);
create index notification_member_group on notification_member (group_key);

-- messages of one channel that wait, oldest first
create index notification_claimable on notification (channel_id, id) where state = 'waiting';
