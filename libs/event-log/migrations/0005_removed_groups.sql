-- Groups that were removed, with the fact that did it. A group that comes back under the path starts with this as the
-- revision of its chain: whoever remembers the old one's settings by their revision must not take them for its own.
CREATE TABLE removed_group (
  path     text   PRIMARY KEY,
  revision bigint NOT NULL
);
