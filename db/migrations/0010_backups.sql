-- The backups taken of this database, each written when it was complete. A later backup may re-use
-- files of an earlier one only when that one stands here: a database that was put back to a time
-- before it has gone another way since.
create table backup_taken (
  id text primary key,
  taken_at timestamptz not null,
  finished_at timestamptz not null
);
