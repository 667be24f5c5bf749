-- Who may ask the server for what. A token is shown once, when it is made; here is its hash (SHA-256
-- of the whole text). `name` is its first part, by which people recognise it. A revoked token stays,
-- so that the audit log can say whose it was.
create table access_token (
  id integer generated always as identity primary key,
  name text not null unique,
  hash bytea not null check (length(hash) = 32),
  role text not null check (role in ('agent', 'viewer', 'operator', 'admin')),
  -- of the only host an agent may report for; null: any
  hostname text,
  label text not null,
  created_at timestamptz not null,
  created_by text not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index access_token_revoked on access_token (revoked_at) where revoked_at is not null;

-- What was changed by whom. `detail` is what was sent, cut where it is long, without secrets.
create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  who text not null,
  token_name text,
  address text not null,
  action text not null,
  target text not null,
  status integer not null,
  detail text not null
);
create index audit_at on audit (at);
