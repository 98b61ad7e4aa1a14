-- schedule.lua - keeps a job until its time comes: RQ's Queue.enqueue_at().
--
-- KEYS  1 rq:queues  2 the queue  3 the job  4 rq:scheduled:<queue>
--       for a job in a group also  5 rq:groups  6 rq:group:<name>
-- ARGV  1 job id  2 due time, unix seconds
--       3 ttl in seconds or ""  4 "1" when the id must be new, else "0"
--       5 created_at  6 data  7 origin  8 description  9 timeout
--       10... names and values of the other fields
--       with a ttl, at the end: the keys of its dependents, its dependencies
-- Returns 1 scheduled, 0 the id is taken (nothing was written), 2 it was
-- scheduled by an earlier run of this same call (nothing was written).
-- include save_job.lua
-- include join_group.lua

-- Nothing is rolled back when a command fails. So a key that holds another
-- type is met here, by reading, before anything is written.
call('SCARD', KEYS[1])
call('ZCARD', KEYS[4])
local group
if KEYS[5] then
    call('SCARD', KEYS[5])
    call('SCARD', KEYS[6])
    group = sent_fields().group_id
end
local reason = why_not()
if reason then
    return reason
end
local refused = save_job('scheduled')
if refused then
    return refused
end
call('SADD', KEYS[1], KEYS[2])
call('ZADD', KEYS[4], ARGV[2], ARGV[1])
join_group(KEYS[5], KEYS[6], group)
-- crq-scheduler sleeps until what it knows of is due.
call('PUBLISH', 'crq:scheduler:wake', ARGV[2])
return 1
