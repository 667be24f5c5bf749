-- With a join code an agent gets a token of its own. A code is shown once, when it is made; here is
-- its hash (SHA-256 of the whole text). `name` is its first part, by which people recognise it.
create table access_join_code (
  id integer generated always as identity primary key,
  name text not null unique,
  hash bytea not null check (length(hash) = 32),
  -- the only host that gets in by it; null: any that has no token yet
  hostname text,
  uses integer not null check (uses > 0),
  uses_left integer not null check (uses_left between 0 and uses),
  created_at timestamptz not null,
  created_by text not null,
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index access_join_code_expires on access_join_code (expires_at);

-- The name of the code by which an agent got this token; null: a person made it. The code itself may
-- be forgotten by now.
alter table access_token add column join_code text;
create index access_token_hostname on access_token (hostname) where hostname is not null;
