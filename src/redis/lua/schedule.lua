-- schedule.lua - keeps a job until its time comes: RQ's Queue.enqueue_at().
--
-- KEYS  1 rq:queues  2 the queue  3 the job  4 its dependents
--       5 its dependencies  6 rq:scheduled:<queue>
-- ARGV  1 job id  2 due time, unix seconds
--       3 ttl in seconds or ""  4 "1" when the id must be new, else "0"
--       5 created_at  6 data  7... names and values of the other fields
-- Returns 1 scheduled, 0 the id is taken (nothing was written), 2 it was
-- scheduled by an earlier run of this same call (nothing was written).
-- include save_job.lua

-- Nothing is rolled back when a command fails. So a key that holds another
-- type is met here, by reading, before anything is written.
redis.call('SCARD', KEYS[1])
redis.call('ZCARD', KEYS[6])
local saved = save_job()
if saved == 1 then
    redis.call('SADD', KEYS[1], KEYS[2])
    redis.call('ZADD', KEYS[6], ARGV[2], ARGV[1])
end
return saved
