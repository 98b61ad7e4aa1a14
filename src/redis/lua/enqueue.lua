-- enqueue.lua - puts a job on its queue: RQ's Queue.enqueue().
--
-- KEYS  1 rq:queues  2 the queue  3 the job  4 its dependents
--       5 its dependencies
-- ARGV  1 job id  2 "LPUSH" to the front or "RPUSH" to the back
--       3 ttl in seconds or ""  4 "1" when the id must be new, else "0"
--       5 created_at  6 data  7... names and values of the other fields
-- Returns 1 enqueued, 0 the id is taken (nothing was written), 2 it was
-- enqueued by an earlier run of this same call (nothing was written).
-- include save_job.lua

-- Nothing is rolled back when a command fails. So a key that holds another
-- type is met here, by reading, before anything is written.
redis.call('SCARD', KEYS[1])
redis.call('LLEN', KEYS[2])
local saved = save_job()
if saved == 1 then
    redis.call('SADD', KEYS[1], KEYS[2])
    redis.call(ARGV[2], KEYS[2], ARGV[1])
end
return saved
