-- Whether a group is the other one or below it. All are below the root.
CREATE FUNCTION is_within(path text, ancestor text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ancestor = '' OR path = ancestor OR starts_with(path, ancestor || '/')
$$;
