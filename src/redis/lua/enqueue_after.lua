-- enqueue_after.lua - puts a job on its queue when those that it depends on are
-- done, else defers it; and puts it into its group: RQ's Queue.enqueue() with
-- depends_on, and what Group.enqueue_many() does for one job.
--
-- KEYS  1 rq:queues  2 the queue  3 the job  4 its dependencies
--       5 rq:deferred:<queue>  6 rq:groups  7 rq:group:<name>, or rq:groups
--       again
-- ARGV  1 job id  2 "LPUSH" to the front, "RPUSH" to the back, or "HOLD" to
--       defer it whatever its dependencies are: see settle.lua
--       3 ttl in seconds or ""  4 "1" when the id must be new, else "0"
--       5 created_at, and enqueued_at too  6 data  7 origin  8 description
--       9 timeout  10... names and values of the other fields
--       with a ttl, behind them: the keys of its dependents, its dependencies
--       the last three: now in unix seconds, the patterns of a job's key and
--       of its dependents'; '%' stands for the id
-- Returns 1 enqueued, 0 the id is taken (nothing was written), 3 deferred; 2
-- enqueued by an earlier run of this same call (nothing was written).
--
-- A dependency that ends at the same time ends before this script or after it.
-- Before: its status is seen here. After: the job is among its dependents.
-- include save_job.lua
-- include met.lua
-- include join_group.lua

local dependents_pattern = table.remove(ARGV)
local job_pattern = table.remove(ARGV)
local now = table.remove(ARGV)

local function key_like(pattern, id)
    local at = pattern:find('%', 1, true)
    return pattern:sub(1, at - 1) .. id .. pattern:sub(at + 1)
end

local sent = sent_fields()
local ids = sent.dependency_ids and cjson.decode(sent.dependency_ids) or {}
local allows_failures = sent.allow_dependency_failures == '1'

-- Nothing is rolled back when a command fails. So a key that holds another
-- type is met here, by reading, before anything is written.
call('SCARD', KEYS[1])
call('LLEN', KEYS[2])
call('SCARD', KEYS[4])
call('ZCARD', KEYS[5])
call('SCARD', KEYS[6])
call('SCARD', KEYS[7])
local waits = ARGV[2] == 'HOLD'
for _, id in ipairs(ids) do
    call('SCARD', key_like(dependents_pattern, id))
    waits = not is_met(key_like(job_pattern, id), allows_failures) or waits
end

local reason = why_not()
if reason == 2 and call('HGET', KEYS[3], 'status') == 'deferred' then
    return 3
elseif reason then
    return reason
end
local refused = save_job(waits and 'deferred' or 'queued')
if refused then
    return refused
end
call('SADD', KEYS[1], KEYS[2])
join_group(KEYS[6], KEYS[7], sent.group_id)
if not waits then
    call(ARGV[2], KEYS[2], ARGV[1])
    return 1
end
call('ZADD', KEYS[5], now, ARGV[1])
for _, id in ipairs(ids) do
    call('SADD', key_like(dependents_pattern, id), ARGV[1])
    call('SADD', KEYS[4], id)
end
if ARGV[3] ~= '' then
    call('EXPIRE', KEYS[4], ARGV[3])
end
return 3
