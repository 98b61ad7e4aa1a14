-- cancel.lua - cancels jobs: RQ's Job.cancel().
--
-- KEYS, ARGV and what it returns: operate.lua. Repeated, it tells those that
-- it canceled before by the time in rq:canceled.
-- include run.lua
-- include move.lua
-- include promote.lua
-- include alone.lua
-- include operate.lua

-- Out of the one registry that the status names. A run's execution stays: it
-- goes on, and its worker ends it.
local function leave_registry(id, queue, status)
    if status == 'started' then
        call('ZREM', wip_key(queue), id)
        for _, execution in ipairs(call('ZRANGE', executions_key(id), 0, -1)) do
            call('ZREM', wip_key(queue), id .. ':' .. execution)
        end
    elseif registry_of[status] then
        call('ZREM', registry_of[status](queue), id)
    end
end

local function check(id, queue, status)
    check_move(queue)
    must_be('zset', canceled_key(queue))
    must_be('set', dependents_key(id))
    must_be('set', dependencies_key(id))
    if status == 'started' then
        must_be('zset', wip_key(queue))
        must_be('zset', executions_key(id))
    elseif registry_of[status] then
        must_be('zset', registry_of[status](queue))
    end
end

local function cancel(id)
    local fields = read_job(id)
    if not fields then
        return 0
    end
    local queue, status = fields.origin or '', fields.status
    if queue == '' then
        return 'it belongs to no queue'
    end
    check(id, queue, status)
    if status == 'canceled' then
        local at = call('ZSCORE', canceled_key(queue), id)
        return at and tonumber(at) == now and 2 or 'it is canceled already'
    end
    local dependents, dependencies = {}, {}
    if asked_for(1) then
        dependents = find_ready(id, queue, 'finished', true)
    end
    if asked_for(2) then
        dependencies = call('SMEMBERS', dependencies_key(id))
        for _, other in ipairs(dependencies) do
            must_be('set', dependents_key(other))
        end
    end

    -- From here on nothing is refused, unless it is this first write.
    call('HSET', job_key(id), 'status', 'canceled')
    promote(id, dependents, stamp)
    for _, other in ipairs(dependencies) do
        call('SREM', dependents_key(other), id)
    end
    -- Looking for it in a long queue takes long, and it isn't in there.
    if status ~= 'deferred' and status ~= 'scheduled' then
        call('LREM', queue_key(queue), 1, id)
    end
    leave_registry(id, queue, status)
    call('ZADD', canceled_key(queue), ARGV[17], id)
    return 1
end

return operate(cancel)
