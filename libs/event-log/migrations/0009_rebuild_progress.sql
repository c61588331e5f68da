-- How fast a rebuild is, so that it can be said when it will be done.
ALTER TABLE projection_rebuild
  -- Positions a second over the last window that ended; null before the first has.
  ADD COLUMN per_second      double precision,
  -- Where and when the window that is open began.
  ADD COLUMN window_position bigint      NOT NULL DEFAULT 0,
  ADD COLUMN window_at       timestamptz NOT NULL DEFAULT now();
