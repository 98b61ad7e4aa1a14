-- ending.lua - what an ended run leaves: result entry, registry, retry. For
-- scripts that include run.lua, move.lua and promote.lua as well.
--
-- A run that ended is a table: queue, id, execution (nil: not told), worker,
-- fields (the job's hash), now (unix seconds), enqueued (now, as RQ's
-- date-time), stamp (its end, as RQ's date-time), started and ended (unix
-- seconds, nil: not told).

local YEAR = 31536000

-- The number at a place from 0 of a JSON list, else 0.
local function nth_of(json, place)
    local ok, list = pcall(cjson.decode, json or '')
    if not ok or type(list) ~= 'table' then
        return 0
    end
    local n = tonumber(list[math.min(place, #list - 1) + 1])
    return n and n > 0 and n < 1e12 and n or 0
end

-- All that an ending may write to.
local function check_ending(run)
    check_move(run.queue)
    must_be('stream', results_key(run.id))
    must_be('set', dependents_key(run.id))
    must_be('set', dependencies_key(run.id))
    must_be('zset', finished_key(run.queue))
    must_be('zset', failed_key(run.queue))
    if (run.fields.group_id or '') ~= '' then
        must_be('set', group_key(run.fields.group_id))
    end
end

-- One entry of the stream. ttl: nil leaves that of the stream as it is.
local function add_result(run, kind, name, text, ttl)
    local key = results_key(run.id)
    local words = { 'XADD', key, 'MAXLEN', '~', 10, '*', 'type', kind,
        'worker_name', run.worker }
    local function add(field, value)
        if value and value ~= '' then
            words[#words + 1] = field
            words[#words + 1] = value
        end
    end
    add(name, text)
    add('execution_id', run.execution)
    add('execution_started_at', run.started)
    add('execution_ended_at', run.ended)
    call(unpack(words))
    if ttl and ttl < 0 then
        call('PERSIST', key)
    elseif ttl then
        call('EXPIRE', key, ttl)
    end
end

-- Status failed or stopped, and what belongs to it. A failure_ttl of 0 keeps
-- nothing, not even results of earlier runs.
local function end_badly(run, status, kind, name, text, dependents)
    local given = whole(run.fields.failure_ttl)
    local ttl = given or YEAR
    call('HSET', job_key(run.id), 'status', status, 'ended_at', run.stamp,
        'last_heartbeat', run.stamp)
    promote(run.id, dependents, run.enqueued)
    if ttl == 0 then
        call('LREM', queue_key(run.queue), 1, run.id)
        delete_job(run.id, run.queue, run.fields)
        call('DEL', results_key(run.id))
        return
    end
    if ttl > 0 then
        expire_three(run.id, ttl)
        call('ZADD', failed_key(run.queue), math.floor(run.now) + ttl, run.id)
    else
        call('ZADD', failed_key(run.queue), -1, run.id)
    end
    add_result(run, kind, name, text, given)
end

local function has_retries(fields)
    return (whole(fields.retries_left) or 0) > 0
end

-- RQ's Job.retry(); returns 'queued' or 'scheduled'.
local function retry(run)
    local fields, left = run.fields, whole(run.fields.retries_left)
    local ok, list = pcall(cjson.decode, fields.retry_intervals or '')
    local count = ok and type(list) == 'table' and #list or 0
    call('HSET', job_key(run.id), 'retries_left', left - 1, 'ended_at',
        run.stamp, 'last_heartbeat', run.stamp)
    return enqueue_in(nth_of(fields.retry_intervals,
        math.max(count - left, 0)), run.id, run.queue, fields, run.now,
        run.enqueued,
        (whole(fields.enqueue_at_front_on_retry) or 0) ~= 0 and 'L' or 'R')
end
