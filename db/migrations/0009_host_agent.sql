-- What a host's agent says about itself: its version, the machine it is on, its collectors with what
-- they may do. The newest is all there is.

alter table host add column agent jsonb;
