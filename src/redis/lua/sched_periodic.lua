-- sched_periodic.lua - enqueues entries of rq-scheduler's, and moves them on:
-- its Scheduler.enqueue_job(), in one step for each.
--
-- KEYS  1 rq:queues  2 crq:alive  3 rq:scheduler:scheduled_jobs
-- ARGV  1-15 patterns, see run.lua  16-17 see sched_leads.lua
--       18 rq:scheduler_lock  19 what the caller's locks hold
--       20 now, unix seconds with a fraction  21 now, RQ's date-time
--       22... for each entry: its id, its score as the caller saw it, its next
--       one, or "", its meta as the caller saw it, or "", and the new one, or
--       "" when it stays
-- Returns for each entry, in their order, { 1 enqueued, 2 deferred, 3 dropped
--           because there is no job, 0 it is not as the caller saw it, -1 the
--           caller leads no more or has lost the lock, -2 it cannot be done
--           (nothing was written), -3 Redis has refused a write; for -2 and -3
--           the reason }.
--
-- Each is by itself: whatever is wrong with one, the others are done.
-- include run.lua
-- include move.lua
-- include met.lua
-- include sched_leads.lua

local WORDS = 5 -- about an entry
local FIELDS = { 'meta', 'origin', 'timeout', 'ttl', 'enqueue_at_front',
    'dependency_ids', 'dependency_id', 'allow_dependency_failures' }
local now, stamp = ARGV[20], ARGV[21]
local listed = call('TYPE', KEYS[3]).ok == 'zset'

local function may_enqueue()
    return leads() and call('TYPE', ARGV[18]).ok == 'string' and
        call('GET', ARGV[18]) == ARGV[19]
end

-- What is needed of a job; nil when there is none.
local function read_job(id)
    if call('TYPE', job_key(id)).ok ~= 'hash' or
            call('HSTRLEN', job_key(id), 'data') == 0 then
        return nil
    end
    local values, job = call('HMGET', job_key(id), unpack(FIELDS)), {}
    for i, name in ipairs(FIELDS) do
        job[name] = values[i] or nil
    end
    return job
end

local function dependencies_of(job)
    local ok, list = pcall(cjson.decode, job.dependency_ids or '')
    if ok and type(list) == 'table' then
        return list
    end
    return (job.dependency_id or '') ~= '' and { job.dependency_id } or {}
end

-- Whether it must wait for one of `list`. Raises what is wrong with keys.
local function has_to_wait(id, queue, job, list)
    local allows_failures = (whole(job.allow_dependency_failures) or 0) ~= 0
    local waits = false
    must_be('zset', deferred_key(queue))
    must_be('set', dependencies_key(id))
    for _, other in ipairs(list) do
        must_be('hash', job_key(other))
        must_be('set', dependents_key(other))
        waits = not is_met(job_key(other), allows_failures) or waits
    end
    return waits
end

local function defer(id, queue, job, list)
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
end

local function take(id, score, following, seen, meta)
    if not listed or call('ZSCORE', KEYS[3], id) ~= score then
        return 0
    end
    local is = call('TYPE', job_key(id)).ok
    if is ~= 'none' and is ~= 'hash' then
        return -2, job_key(id) .. ' is a ' .. is
    end
    local job = read_job(id)
    if not job then
        call('ZREM', KEYS[3], id)
        return 3
    end
    if (job.meta or '') ~= seen then
        return 0
    end
    local queue, list, waits = job.origin or '', dependencies_of(job), false
    local why = complaint(function()
        if queue == '' then
            error({ err = 'it has no queue' })
        end
        check_move(queue)
        waits = has_to_wait(id, queue, job, list)
    end)
    if why then
        return -2, why
    end

    -- First a write that Redis refuses when it is full.
    call('SADD', KEYS[1], queue_key(queue))
    if meta ~= '' then
        call('HSET', job_key(id), 'meta', meta)
    end
    if following ~= '' then
        call('ZADD', KEYS[3], following, id)
    else
        call('ZREM', KEYS[3], id)
    end
    if waits then
        defer(id, queue, job, list)
        return 2
    end
    enqueue(id, queue, job, stamp, (whole(job.enqueue_at_front) or 0) ~= 0 and
        'L' or 'R')
    return 1
end

local may, answers = may_enqueue(), {}
for at = 22, #ARGV, WORDS do
    local ok, state, why = true, -1, nil
    if may then
        ok, state, why = pcall(take, unpack(ARGV, at, at + WORDS - 1))
    end
    if not ok then
        state, why = -3, reason_of(state)
    end
    answers[#answers + 1] = { state, why or '' }
end
return answers
