-- move.lua - into a queue, into the registry of scheduled jobs, and out of
-- everything, for scripts that include run.lua as well.
--
-- `fields` is the job's hash, or the few fields that are named here.

local DEFAULT_TIMEOUT = 180

-- A ttl goes for the job and for both of its dependency keys.
local function expire_three(id, ttl)
    call('EXPIRE', job_key(id), ttl)
    call('EXPIRE', dependents_key(id), ttl)
    call('EXPIRE', dependencies_key(id), ttl)
end

local function check_move(queue)
    must_be('set', KEYS[1])
    must_be('list', queue_key(queue))
    must_be('zset', scheduled_key(queue))
end

-- RQ's Queue._enqueue_job(); side is "L" for the front, "R" for the back.
-- Needs fields.timeout and fields.ttl.
local function enqueue(id, queue, fields, stamp, side)
    local ttl = whole(fields.ttl)
    call('SADD', KEYS[1], queue_key(queue))
    call('HSET', job_key(id), 'status', 'queued', 'origin', queue,
        'enqueued_at', stamp)
    if (fields.timeout or '') == '' then
        call('HSET', job_key(id), 'timeout', DEFAULT_TIMEOUT)
    end
    if ttl and ttl > 0 then
        expire_three(id, ttl)
    end
    call(side .. 'PUSH', queue_key(queue), id)
end

-- RQ's Queue.schedule_job(); needs fields.ttl.
local function schedule(id, queue, fields, due)
    local ttl = whole(fields.ttl)
    call('SADD', KEYS[1], queue_key(queue))
    call('HSET', job_key(id), 'status', 'scheduled')
    if ttl and ttl > 0 then
        expire_three(id, ttl)
    end
    local score = string.format('%.6f', due)
    call('ZADD', scheduled_key(queue), score, id)
    -- crq-scheduler sleeps until what it knows of is due.
    call('PUBLISH', 'crq:scheduler:wake', score)
end

-- At once or later.
local function enqueue_in(interval, id, queue, fields, now, stamp, side)
    if interval > 0 then
        schedule(id, queue, fields, now + interval)
        return 'scheduled'
    end
    enqueue(id, queue, fields, stamp, side)
    return 'queued'
end

-- RQ's Job.delete(): results stay. Needs fields.group_id.
local function delete_job(id, queue, fields)
    for _, execution in ipairs(call('ZRANGE', executions_key(id), 0, -1)) do
        call('ZREM', wip_key(queue), id .. ':' .. execution)
        call('DEL', execution_key(id .. ':' .. execution))
    end
    call('ZREM', finished_key(queue), id)
    call('ZREM', failed_key(queue), id)
    if (fields.group_id or '') ~= '' then
        call('SREM', group_key(fields.group_id), id)
    end
    call('DEL', executions_key(id), job_key(id), dependents_key(id),
        dependencies_key(id), log_key(id))
end
