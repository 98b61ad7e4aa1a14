-- move_job.lua - moves jobs that wait, of whatever kind, to a queue.
--
-- KEYS, ARGV and what it returns: operate.lua. Repeated, it moves them to the
-- same end of the same queue once more.
-- include run.lua
-- include move.lua
-- include alone.lua
-- include operate.lua

local target = ARGV[20]

-- Who moves many to the front begins with the last one, to the back with the
-- first one: looked for from that end each is found at once.
local function move_in_list(id, queue)
    local from, push = 1, 'RPUSH'
    if asked_for(16) then
        from, push = -1, 'LPUSH'
    end
    if not call('LPOS', queue_key(queue), id, 'RANK', from) then
        return 'it was just taken from its queue'
    end
    call('HSET', job_key(id), 'origin', target)
    call('LREM', queue_key(queue), from, id)
    call(push, queue_key(target), id)
    return 1
end

local function move_in_registry(id, queue, key_of)
    local score = call('ZSCORE', key_of(queue), id)
    if not score then
        return 'it is not in the registry that its status names'
    end
    call('HSET', job_key(id), 'origin', target)
    if asked_for(16) then
        call('HSET', job_key(id), 'enqueue_at_front', 1)
    end
    call('ZREM', key_of(queue), id)
    call('ZADD', key_of(target), score, id)
    return 1
end

local function move(id)
    local fields = read_job(id)
    if not fields then
        return 0
    end
    local queue, status = fields.origin or '', fields.status or 'created'
    local registry = (status == 'deferred' or status == 'scheduled') and
        registry_of[status]
    must_be('set', KEYS[1])
    for _, name in ipairs({ queue, target }) do
        must_be('list', queue_key(name))
        if registry then
            must_be('zset', registry(name))
        end
    end
    local done
    if registry then
        done = move_in_registry(id, queue, registry)
    elseif status == 'queued' then
        done = move_in_list(id, queue)
    else
        return 'it is ' .. status
    end
    if done == 1 then
        call('SADD', KEYS[1], queue_key(target))
    end
    return done
end

return operate(move)
