-- sched_periodic.lua - enqueues an entry of rq-scheduler's, and moves it on:
-- its Scheduler.enqueue_job(), in one step.
--
-- KEYS  1 rq:queues  2 crq:alive  3 rq:scheduler:scheduled_jobs
-- ARGV  1-15 patterns, see run.lua  16-17 see sched_leads.lua
--       18 rq:scheduler_lock  19 what the caller's locks hold
--       20 id  21 its score as the caller saw it  22 its next one, or ""
--       23 its meta as the caller saw it, or ""  24 the new one, or "" when it
--       stays  25 now, unix seconds with a fraction  26 now, RQ's date-time
-- Returns { 1 enqueued, 2 deferred, 3 dropped because there is no job, 0 it is
--           not as the caller saw it, -1 the caller leads no more or has lost
--           the lock, -2 it cannot be done (nothing was written); the reason }.
-- include run.lua
-- include move.lua
-- include met.lua
-- include sched_leads.lua

local id, now, stamp = ARGV[20], ARGV[25], ARGV[26]

if not leads() or call('TYPE', ARGV[18]).ok ~= 'string' or
        call('GET', ARGV[18]) ~= ARGV[19] then
    return { -1, '' }
end
if call('TYPE', KEYS[3]).ok ~= 'zset' or
        call('ZSCORE', KEYS[3], id) ~= ARGV[21] then
    return { 0, '' }
end
local is = call('TYPE', job_key(id)).ok
if is ~= 'none' and is ~= 'hash' then
    return { -2, job_key(id) .. ' is a ' .. is }
end
local job = read_hash(job_key(id))
if not job or (job.data or '') == '' then
    call('ZREM', KEYS[3], id)
    return { 3, '' }
end
if (job.meta or '') ~= ARGV[23] then
    return { 0, '' }
end

local function dependencies_of()
    local ok, list = pcall(cjson.decode, job.dependency_ids or '')
    if ok and type(list) == 'table' then
        return list
    end
    return (job.dependency_id or '') ~= '' and { job.dependency_id } or {}
end

local queue, list, waits = job.origin or '', dependencies_of(), false
local allows_failures = (whole(job.allow_dependency_failures) or 0) ~= 0
local why = complaint(function()
    if queue == '' then
        error({ err = 'it has no queue' })
    end
    check_move(queue)
    must_be('zset', deferred_key(queue))
    must_be('set', dependencies_key(id))
    for _, other in ipairs(list) do
        must_be('hash', job_key(other))
        must_be('set', dependents_key(other))
        waits = not is_met(job_key(other), allows_failures) or waits
    end
end)
if why then
    return { -2, why }
end

-- First a write that Redis refuses when it is full.
call('SADD', KEYS[1], queue_key(queue))
if ARGV[24] ~= '' then
    call('HSET', job_key(id), 'meta', ARGV[24])
end
if ARGV[22] ~= '' then
    call('ZADD', KEYS[3], ARGV[22], id)
else
    call('ZREM', KEYS[3], id)
end
if waits then
    local ttl = whole(job.ttl)
    call('HSET', job_key(id), 'status', 'deferred')
    call('ZADD', deferred_key(queue), now, id)
    for _, other in ipairs(list) do
        call('SADD', dependents_key(other), id)
        call('SADD', dependencies_key(id), other)
    end
    if ttl and ttl > 0 then
        expire_three(id, ttl)
    end
    return { 2, '' }
end
enqueue(id, queue, job, stamp, (whole(job.enqueue_at_front) or 0) ~= 0 and 'L'
    or 'R')
return { 1, '' }
