-- What a verification found has codes of its own among the contacts.
CREATE OR REPLACE FUNCTION contact_kind(code integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT (ARRAY['heartbeat', 'poll', 'register', 'start', 'reload', 'update', 'ack', 'logs', 'stop', 'uninstall',
                'answered', 'unanswered'])[code]
$$;
