-- enqueue.lua - puts a job on its queue: RQ's Queue.enqueue().
--
-- KEYS  1 rq:queues  2 the queue  3 the job
-- ARGV  1 job id  2 "LPUSH" to the front or "RPUSH" to the back
--       3 ttl in seconds or ""  4 "1" when the id must be new, else "0"
--       5 created_at, and enqueued_at too  6 data  7 origin  8 description
--       9 timeout  10... names and values of the other fields
--       with a ttl, at the end: the keys of its dependents, its dependencies
-- Returns 1 enqueued, 0 the id is taken (nothing was written), 2 it was
-- enqueued by an earlier run of this same call (nothing was written).
-- include save_job.lua

local reason = why_not()
if reason then
    return reason
end
-- Nothing is rolled back when a command fails. So the queue comes first: when
-- it is of another type, nothing has been written. When the set is, or when the
-- hash is refused, all is taken back, which nobody has seen. To read both types
-- beforehand would be two commands more for every job.
call(ARGV[2], KEYS[2], ARGV[1])
local added = redis.pcall('SADD', KEYS[1], KEYS[2])
local refused = type(added) == 'table' and added or save_job('queued')
if refused then
    call(ARGV[2] == 'LPUSH' and 'LPOP' or 'RPOP', KEYS[2])
    if added == 1 then
        call('SREM', KEYS[1], KEYS[2])
    end
    return refused
end
return 1
