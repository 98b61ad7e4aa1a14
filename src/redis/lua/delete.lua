-- delete.lua - deletes jobs: RQ's Job.delete(). Results stay.
--
-- KEYS, ARGV and what it returns: operate.lua. Repeated, it finds that there
-- are no such jobs any more.
-- include run.lua
-- include move.lua
-- include alone.lua
-- include operate.lua

local function check(id, queue, fields)
    must_be('list', queue_key(queue))
    must_be('zset', wip_key(queue))
    must_be('zset', executions_key(id))
    for _, registry in pairs(registry_of) do
        must_be('zset', registry(queue))
    end
    if (fields.group_id or '') ~= '' then
        must_be('set', group_key(fields.group_id))
    end
end

local function forget(id, queue, fields, keep_in_queue)
    -- Looking for it in a long queue takes long, and it isn't in there unless
    -- rq-scheduler enqueued it twice: then who pops it finds no job.
    if not keep_in_queue and not registry_of[fields.status] then
        call('LREM', queue_key(queue), 1, id)
    end
    for _, registry in pairs(registry_of) do
        call('ZREM', registry(queue), id)
    end
    call('ZREM', wip_key(queue), id) -- as RQ before 2.0 writes it
    delete_job(id, queue, fields)
end

local function delete(id)
    must_be('hash', job_key(id))
    local fields = read_hash(job_key(id))
    if not fields then
        return 0
    end
    local queue = fields.origin or ''
    check(id, queue, fields)
    local others = {}
    if asked_for(8) then
        must_be('set', dependents_key(id))
        for _, other in ipairs(call('SMEMBERS', dependents_key(id))) do
            local theirs = other ~= id and read_hash(job_key(other))
            if theirs then
                check(other, theirs.origin or '', theirs)
                others[other] = theirs
            end
        end
    end

    -- From here on nothing is refused.
    for other, theirs in pairs(others) do
        forget(other, theirs.origin or '', theirs, true)
    end
    forget(id, queue, fields, asked_for(4))
    return 1
end

return operate(delete)
