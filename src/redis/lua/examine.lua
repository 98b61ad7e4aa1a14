-- examine.lua - whether jobs are where their status says, and to mend it.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 now, unix seconds with a fraction  17 now, RQ's date-time
--       18 pattern of rq:canceled:<queue>
--       19 how far to look for an id from both ends of a queue, 0: all of it
--       20... for each job: id, what is to be mended or "" to look only,
--       base64 of the error text in case that it fails by that
-- Returns for each job { what is wrong with it or "", what it is about or "",
--                        what was done about it or "" }:
--   "lost"       in none of the places that its status names
--   "abandoned"  started, and no run of it has a lease
--   "met"        deferred, and all that it waits for has ended well or is gone
--   "never"      deferred, and will be for ever; about the one that it waits for
-- Nothing is mended but what is still wrong in the way that was to be mended:
-- so it can be repeated, and nothing happens to a job that has gone on.
-- include run.lua
-- include move.lua
-- include promote.lua
-- include ending.lua

local now, stamp, reach = tonumber(ARGV[16]), ARGV[17], tonumber(ARGV[19])

local function canceled_key(queue)
    local at = ARGV[18]:find('%', 1, true)
    return ARGV[18]:sub(1, at - 1) .. queue .. ARGV[18]:sub(at + 1)
end

-- Of a queue that is longer than that nobody is missed.
local function is_in(list, id)
    return call('LPOS', list, id, 'MAXLEN', reach) or
        reach > 0 and (call('LLEN', list) > 2 * reach or
            call('LPOS', list, id, 'RANK', -1, 'MAXLEN', reach))
end

local function has_run(id, queue)
    for _, execution in ipairs(call('ZRANGE', executions_key(id), 0, -1)) do
        if call('ZSCORE', wip_key(queue), id .. ':' .. execution) then
            return true
        end
    end
    return call('ZSCORE', wip_key(queue), id) and true or false
end

-- The first dependency that has ended in a way that does not count, if all
-- others have ended, too; or that something is still to come.
local function hopeless(id, allows)
    for _, other in ipairs(call('SMEMBERS', dependencies_key(id))) do
        local status = call('HGET', job_key(other), 'status')
        if status == 'canceled' or status == 'stopped' or
                (status == 'failed' and not allows) then
            return other .. ' ' .. status
        end
    end
    return nil
end

local function look_at_deferred(id, f)
    local allows = (whole(f.allow_dependency_failures) or 0) ~= 0
    if are_met(id, '', allows) then
        return 'met', ''
    end
    local other = hopeless(id, allows)
    if other then
        return 'never', other
    elseif not call('ZSCORE', deferred_key(f.queue), id) then
        return 'lost', ''
    end
    return '', ''
end

-- What is kept for a while only needs no registry.
local function in_registry(key_of)
    return function(id, f)
        if call('ZSCORE', key_of(f.queue), id) or
                call('TTL', job_key(id)) >= 0 then
            return '', ''
        end
        return 'lost', ''
    end
end

local look = {
    queued = function(id, f)
        if is_in(queue_key(f.queue), id) or
                is_in(intermediate_key(f.queue), id) then
            return '', ''
        end
        return 'lost', ''
    end,
    started = function(id, f)
        return has_run(id, f.queue) and '' or 'abandoned', ''
    end,
    scheduled = function(id, f)
        return call('ZSCORE', scheduled_key(f.queue), id) and '' or 'lost', ''
    end,
    deferred = look_at_deferred,
    finished = in_registry(finished_key),
    failed = in_registry(failed_key),
    stopped = in_registry(failed_key),
    canceled = in_registry(canceled_key)
}

local function run_of(id, f)
    return { id = id, queue = f.queue, worker = '', fields = f, now = now,
        enqueued = stamp, stamp = stamp }
end

local function fail(run, packed)
    local dependents = find_ready(run.id, run.queue, 'failed')
    call('ZREM', deferred_key(run.queue), run.id)
    end_badly(run, 'failed', 2, 'exc_string', packed, dependents)
    return 'failed'
end

-- A registry entry that lasts as long as the job would by default.
local function register(key, id, score, ttl)
    must_be('zset', key)
    call('ZADD', key, score, id)
    if ttl then
        call('EXPIRE', job_key(id), ttl)
    end
    return 'registered'
end

local lost = {
    queued = function(id, f)
        call('SADD', KEYS[1], queue_key(f.queue))
        call('LPUSH', queue_key(f.queue), id)
        return 'queued'
    end,
    deferred = function(id, f)
        return register(deferred_key(f.queue), id, math.floor(now))
    end,
    finished = function(id, f)
        return register(finished_key(f.queue), id, 'inf')
    end,
    failed = function(id, f)
        return register(failed_key(f.queue), id, math.floor(now) + YEAR, YEAR)
    end,
    canceled = function(id, f)
        return register(canceled_key(f.queue), id, math.floor(now))
    end
}
lost.stopped = lost.failed

local mend = {
    lost = function(id, f)
        return lost[f.status] and lost[f.status](id, f) or ''
    end,
    met = function(id, f)
        local job = ready(id, '', f.queue, 'finished')
        if job then
            enqueue_dependent(job, stamp)
        end
        return job and 'queued' or ''
    end,
    never = function(id, f, packed)
        return fail(run_of(id, f), packed)
    end,
    abandoned = function(id, f, packed)
        local run = run_of(id, f)
        if has_retries(f) then
            return retry(run)
        end
        return fail(run, packed)
    end
}

local function check(f, id)
    check_ending(run_of(id, f))
    must_be('zset', deferred_key(f.queue))
    must_be('zset', wip_key(f.queue))
    must_be('zset', executions_key(id))
    must_be('list', intermediate_key(f.queue))
    must_be('zset', canceled_key(f.queue))
end

local function examine(id, wanted, packed)
    local f = read_hash(job_key(id))
    if not f or not look[f.status or ''] or (f.origin or '') == '' then
        return { '', '', '' }
    end
    f.queue = f.origin
    check(f, id)
    local wrong, about = look[f.status](id, f)
    local done = ''
    if wanted ~= '' and wrong == wanted then
        done = mend[wrong](id, f, packed)
        age_log(id)
    end
    return { wrong, about, done }
end

local found = {}
for i = 20, #ARGV, 3 do
    -- A key of a foreign type must not hold up the others.
    local ok, what = pcall(examine, ARGV[i], ARGV[i + 1], ARGV[i + 2])
    found[#found + 1] = ok and what or { 'foreign', '', '' }
end
return found
