-- What clients were sent and confirmed is counted apart from appending it, some of them together (ADR 0021). Up to here, it was
-- counted with each fact.
INSERT INTO projection_checkpoint (name, version, position)
SELECT 'work-counts', 1, position FROM log_head;

-- Of a small table, such as whom releases name, a plan that is kept reads all for each client.
ALTER FUNCTION undelivered_work_of(text[]) SET enable_seqscan = off;
