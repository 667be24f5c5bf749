-- A browser that has shown a token once has a session instead; both hashes are SHA-256 of what the
-- browser has. A session is worth what its token is worth, and ends with it.
create table access_session (
  hash bytea primary key check (length(hash) = 32),
  token_id integer not null references access_token (id),
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index access_session_expires on access_session (expires_at);

-- Links that log somebody in once, as the owner of the token.
create table access_link (
  hash bytea primary key check (length(hash) = 32),
  token_id integer not null references access_token (id),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index access_link_expires on access_link (expires_at);
