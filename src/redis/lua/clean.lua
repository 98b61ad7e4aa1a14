-- clean.lua - maintenance of a queue's registries: RQ's clean_registries().
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 now, unix seconds with a fraction  17 now, RQ's date-time
--       18 queue  19 how many entries of each registry at most
--       20 base64 of the error text of abandoned runs
--       21 the stem of who asks, or "": nobody that can call a callback
--       22 seconds that a sign of life counts  23 a name of this call
-- Returns { entries of finished and failed jobs removed, abandoned runs whose
--           jobs failed, were retried, whose entries were just removed, runs
--           left to a worker's list, 1 if there may be more,
--           { { id, queue, execution } }, runs put back to the front }.
-- Those are runs to be failed or retried whose job wants on_failure called
-- before: now they are runs of the stem that asked, which ends them.
-- Repeated, it tells of those again, finds nothing else of what it did before,
-- and goes on.
-- include run.lua
-- include move.lua
-- include promote.lua
-- include ending.lua
-- include adopt.lua
-- include put_back.lua

local now, stamp, queue = ARGV[16], ARGV[17], ARGV[18]
local limit = tonumber(ARGV[19])
local expired, more = 0, 0
local count = { failed = 0, queued = 0, scheduled = 0, removed = 0, left = 0,
    adopted = 0, back = 0 }
local me, adopted = ARGV[21], find_adopted(ARGV[21], ARGV[23])

-- Scores below 0 mean for ever.
local function past(key)
    must_be('zset', key)
    local members = call('ZRANGEBYSCORE', key, 0, now, 'LIMIT', 0, limit)
    if #members == limit then
        more = 1
    end
    return members
end

-- The stem that lists a run, and its entry.
local function listed_by(execution)
    for _, stem in ipairs(call('ZRANGE', KEYS[2], 0, -1)) do
        local entry = call('HGET', runs_key(stem), execution)
        if entry then
            return stem, read_entry(entry)
        end
    end
    return nil
end

-- The runs in crq's workers' lists are theirs while they live, and when they
-- are dead take_over.lua knows more about them. But a Redis that has lost its
-- last second may list a run whose end its worker has told: nobody renews that
-- one. Then its hash has expired, by the clock of Redis alone: that of another
-- machine may be wrong.
local function is_theirs(member, stem)
    local sign = call('ZSCORE', KEYS[2], stem)
    return call('EXISTS', execution_key(member)) == 1 or
        tonumber(sign) < redis_time()
end

-- Whether another run of the job goes on.
local function has_live_run(id, but)
    for _, execution in ipairs(call('ZRANGE', executions_key(id), 0, -1)) do
        local deadline = execution ~= but and
            call('ZSCORE', wip_key(queue), id .. ':' .. execution)
        if deadline and tonumber(deadline) > tonumber(now) then
            return true
        end
    end
    return false
end

local function forget(id, execution, member, stem)
    if stem then
        remove_execution(queue, id, execution, stem)
        return
    end
    call('ZREM', wip_key(queue), member)
    if execution then
        call('DEL', execution_key(member))
        call('ZREM', executions_key(id), execution)
    end
end

-- RQ's StartedJobRegistry.cleanup(). RQ fails the job whatever its status is,
-- and leaves the execution's keys to expire.
local function abandon(member)
    local id, execution = member:match('^([^:]+):(.*)$')
    id = id or member -- as RQ before 2.0 writes it
    local stem, entry
    if execution then
        stem, entry = listed_by(execution)
    end
    if stem and is_theirs(member, stem) then
        return 'left'
    elseif stem then
        check_execution(queue, id, execution, stem)
    end
    must_be('zset', executions_key(id))
    local fields = read_hash(job_key(id))
    if not fields or fields.status ~= 'started' or
            has_live_run(id, execution) then
        forget(id, execution, member, stem)
        return 'removed'
    elseif entry and entry.mark ~= 'begun' then
        check_put_back(queue)
        local marked = entry.mark ~= 'waiting'
        put_back(queue, id, execution, stem, marked, marked)
        return 'back'
    end
    local run = { id = id, queue = queue, worker = '', fields = fields,
        now = tonumber(now), enqueued = stamp, stamp = stamp }
    check_ending(run)
    -- RQ before 2.0 knows no executions: nothing that could be adopted.
    if execution and wants_call(fields, me) then
        check_execution(queue, id, execution, me)
        run.execution = execution
        if stem then
            call('HDEL', runs_key(stem), execution)
        end
        adopted[#adopted + 1] = adopt(run, me, ARGV[22], ARGV[23])
        return 'adopted'
    end
    local again = has_retries(fields)
    local dependents = find_ready(id, queue, again and 'queued' or 'failed')
    forget(id, execution, member, stem)
    local became = 'failed'
    if again then
        became = retry(run)
    else
        end_badly(run, 'failed', 2, 'exc_string', ARGV[20], dependents)
    end
    age_log(id)
    return became
end

for _, key in ipairs({ finished_key(queue), failed_key(queue) }) do
    local members = past(key)
    if #members > 0 then
        expired = expired + call('ZREM', key, unpack(members))
    end
end
for _, member in ipairs(past(wip_key(queue))) do
    -- A key of a foreign type must not hold up the others.
    local ok, became = pcall(abandon, member)
    became = ok and became or 'left'
    count[became] = count[became] + 1
end
-- Those that are left would be found again and again.
if count.left == limit then
    more = 0
end
return { expired, count.failed, count.queued + count.scheduled,
    count.removed, count.left, more, adopted, count.back }
