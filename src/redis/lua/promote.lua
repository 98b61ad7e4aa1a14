-- promote.lua - the jobs that waited for this one: RQ's enqueue_dependents().
-- For scripts that include run.lua and move.lua as well.

-- Whether all dependencies but the parent are met.
local function are_met(id, parent, allows_failures)
    for _, other in ipairs(call('SMEMBERS', dependencies_key(id))) do
        if other ~= parent then
            local status = call('HGET', job_key(other), 'status')
            if status and status ~= '' and status ~= 'finished' and
                    not (status == 'failed' and allows_failures) then
                return false
            end
        end
    end
    return true
end

-- The dependent when it is to be enqueued now that its parent has this status.
local function ready(id, parent, parent_queue, status)
    if call('TYPE', job_key(id)).ok ~= 'hash' then
        return nil
    end
    local f = call('HMGET', job_key(id), 'status', 'origin', 'ttl', 'timeout',
        'allow_dependency_failures', 'enqueue_at_front', 'created_at')
    local allows = (whole(f[5]) or 0) ~= 0
    if f[1] == 'canceled' or (status == 'failed' and not allows) or
            not are_met(id, parent, allows) then
        return nil
    end
    local queue = f[2] or ''
    if queue == '' then
        queue = parent_queue
    end
    must_be('list', queue_key(queue))
    must_be('zset', deferred_key(queue))
    return { id = id, queue = queue, ttl = f[3], timeout = f[4],
        side = (whole(f[6]) or 0) ~= 0 and 'L' or 'R',
        created_at = f[7] or '' }
end

-- All who are ready, eldest first; nothing is written.
local function find_ready(parent, parent_queue, status)
    local list = {}
    if status ~= 'finished' and status ~= 'failed' then
        return list
    end
    for _, id in ipairs(call('SMEMBERS', dependents_key(parent))) do
        list[#list + 1] = ready(id, parent, parent_queue, status)
    end
    table.sort(list, function(a, b)
        if a.created_at ~= b.created_at then
            return a.created_at < b.created_at
        end
        return a.id < b.id
    end)
    return list
end

local function promote(parent, list, stamp)
    for _, dependent in ipairs(list) do
        call('ZREM', deferred_key(dependent.queue), dependent.id)
        enqueue(dependent.id, dependent.queue, dependent, stamp,
            dependent.side)
        call('SREM', dependents_key(parent), dependent.id)
    end
end
