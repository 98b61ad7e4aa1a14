-- finish.lua - ends runs.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 now, unix seconds with a fraction  17 now, RQ's date-time
--       18 result_ttl of jobs without one
--       19... for each run: stem, queue, id, execution, worker name,
--       "success" "failure" "retry" "stopped" or "abandoned" (a failure of
--       a run whose worker died), its end in unix seconds,
--       its end as RQ's date-time, base64 of the value or of the error text
--       or "", for "retry" its max and its intervals as a JSON list
-- Returns for each run what became of its job: "lost" "finished" "failed"
-- "stopped" "queued" "scheduled" "canceled", or { why it was refused }; then 1
-- if dependents are left for promote_rest.lua, else 0.
-- include run.lua
-- include move.lua
-- include promote.lua
-- include ending.lua
-- include alone.lua

local WIDTH = 11
local now, stamp = tonumber(ARGV[16]), ARGV[17]

local entry_field = { success = 'return_value', retry = 'return_value',
    failure = 'exc_string', stopped = 'exc_string', abandoned = 'exc_string' }
local entry_type = { success = 1, failure = 2, stopped = 2, retry = 4,
    abandoned = 2 }

-- Says how a job ended for good, to who waits on the channel it names.
local function publish(run, status)
    local channel = run.fields.crq_reply or ''
    if channel ~= '' then
        local message = { id = run.id, status = status }
        if run.text ~= '' then
            message[entry_field[run.ending]] = run.text
        end
        call('PUBLISH', channel, cjson.encode(message))
    end
end

local function result_ttl(fields)
    local ttl = whole(fields.result_ttl) or whole(ARGV[18])
    return ttl < 0 and -1 or ttl
end

local function succeed(run, dependents)
    local fields, ttl = run.fields, result_ttl(run.fields)
    local repeats = whole(fields.repeats_left) or 0
    promote(run.id, dependents, stamp)
    if ttl == 0 then
        call('HSET', job_key(run.id), 'ended_at', run.stamp,
            'last_heartbeat', run.stamp)
    else
        call('HSET', job_key(run.id), 'ended_at', run.stamp,
            'last_heartbeat', run.stamp, 'status', 'finished')
        add_result(run, 1, 'return_value', run.text, ttl)
        call('ZADD', finished_key(run.queue),
            ttl < 0 and '+inf' or math.floor(now) + ttl, run.id)
    end
    if repeats > 0 then
        call('HSET', job_key(run.id), 'repeats_left', repeats - 1)
        enqueue_in(nth_of(fields.repeat_intervals, repeats - 1), run.id,
            run.queue, fields, now, stamp, 'R')
    elseif ttl == 0 then
        delete_job(run.id, run.queue, fields)
    elseif ttl > 0 then
        expire_three(run.id, ttl)
    end
    return 'finished'
end

-- The task returned Retry: once more, unless it has been told so often enough.
local function returned_retry(run, dependents)
    local fields, count = run.fields, whole(run.fields.number_of_retries) or 0
    if run.spent then
        end_badly(run, 'failed', 5, 'return_value', run.text, dependents)
        return 'failed'
    end
    add_result(run, 4, 'return_value', run.text, whole(fields.failure_ttl))
    call('HSET', job_key(run.id), 'number_of_retries', count + 1, 'ended_at',
        run.stamp, 'last_heartbeat', run.stamp)
    return enqueue_in(nth_of(run.intervals, count), run.id, run.queue, fields,
        now, stamp, 'R')
end

local endings = {
    success = succeed,
    retry = returned_retry,
    failure = function(run, dependents)
        if has_retries(run.fields) then
            return retry(run)
        end
        end_badly(run, 'failed', 2, 'exc_string', run.text, dependents)
        return 'failed'
    end,
    stopped = function(run, dependents)
        end_badly(run, 'stopped', 2, 'exc_string', run.text, dependents)
        return 'stopped'
    end
}

-- As RQ's StartedJobRegistry.cleanup(): the result tells of no worker.
function endings.abandoned(run, dependents)
    run.worker, run.execution, run.started, run.ended = '', nil, nil, nil
    return endings.failure(run, dependents)
end

-- The status that dependents will find.
local function status_to_be(run)
    if run.ending == 'success' then
        return 'finished'
    elseif run.ending == 'retry' then
        return run.spent and 'failed' or 'queued'
    elseif run.ending == 'failure' or run.ending == 'abandoned' then
        return has_retries(run.fields) and 'queued' or 'failed'
    end
    return 'stopped'
end

-- A canceled job stays so; only its result is kept.
local function end_canceled(run)
    local ttl = whole(run.fields.failure_ttl)
    if run.ending == 'success' then
        ttl = result_ttl(run.fields)
    end
    if ttl ~= 0 then
        add_result(run, entry_type[run.ending], entry_field[run.ending],
            run.text, ttl)
    end
    publish(run, 'canceled')
    return 'canceled'
end

local function finish(stem, queue, id, execution, worker, ending, ended,
        ended_stamp, text, retry_max, intervals)
    check_execution(queue, id, execution, stem)
    local fields = read_hash(job_key(id))
    local fenced = call('ZSCORE', wip_key(queue), id .. ':' .. execution)
    local canceled = fields and fields.status == 'canceled' and
        (fenced or call('ZSCORE', executions_key(id), execution))
    if not fields or not (fenced or canceled) then
        remove_execution(queue, id, execution, stem)
        return 'lost'
    end
    local run = { queue = queue, id = id, execution = execution,
        worker = worker, fields = fields, now = now, enqueued = stamp,
        stamp = ended_stamp, ended = ended, ending = ending, text = text,
        intervals = intervals, started = call('HGET',
            execution_key(id .. ':' .. execution), 'created_at') }
    run.spent = (whole(fields.number_of_retries) or 0) >=
        (tonumber(retry_max) or 0)
    check_ending(run)
    local dependents = {}
    if not canceled then
        dependents = find_ready(id, queue, status_to_be(run))
    end

    -- From here on nothing is refused.
    remove_execution(queue, id, execution, stem)
    if canceled then
        age_log(id)
        return end_canceled(run)
    end
    local became = endings[ending](run, dependents)
    age_log(id)
    if became ~= 'queued' and became ~= 'scheduled' then
        publish(run, became)
    end
    return became
end

local states = each_alone(finish, 19, WIDTH)
if not states.err then
    states[#states + 1] = call('EXISTS', promoting)
end
return states
