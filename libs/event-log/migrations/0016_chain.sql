-- A chain of hashes over the facts, in the order of their positions (ADR 0012): SHA-256 of the hash before and the fact.

-- Facts that were there before the chain have none.
ALTER TABLE event ADD COLUMN hash bytea;

ALTER TABLE log_head
  -- Facts up to here are not in the chain: they were there before it.
  ADD COLUMN chain_start    bigint NOT NULL DEFAULT 0,
  -- The last fact, and its hash.
  ADD COLUMN chain_position bigint NOT NULL DEFAULT 0,
  ADD COLUMN chain_hash     bytea  NOT NULL DEFAULT decode(repeat('00', 32), 'hex');
UPDATE log_head SET chain_start = position, chain_position = position;

CREATE FUNCTION chain_next(state bytea, previous bytea, fact bytea) RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN sha256(coalesce(state, previous) || fact);
END $$;
-- As a window function in the order of positions: each fact's hash, the first one's from `previous`. In plpgsql, which
-- takes 3 microseconds a fact; the same function in SQL takes 7.
CREATE AGGREGATE chain_facts(previous bytea, fact bytea) (sfunc = chain_next, stype = bytea);
