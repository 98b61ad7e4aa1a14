-- promote.lua - the jobs that waited for this one: RQ's enqueue_dependents().
-- For scripts that include run.lua and move.lua as well.
--
-- A script must not hold up Redis for long. So one with more dependents than
-- PIECE promotes none of them at its end: their set is renamed, which costs the
-- same whatever its size, and promote_rest.lua promotes piece by piece. From
-- the same instant on the parent is in the hash crq:promoting, until nobody is
-- left: whoever finds it there goes on.
--
-- They are promoted as the parent ended then, whatever becomes of it meanwhile.
-- It may run and end again: behind a failure an end in success is good for all
-- who are left, and a failure behind a success for those only who came since,
-- so these stand in a set of their own.

local PIECE = 100

-- crq's own keys of this stand beside crq:alive, so that scripts that include
-- this need no key more.
local promoting = KEYS[2]:match('^(.-)[^:]*$') .. 'promoting'

local function rest_key(parent)
    return promoting .. ':' .. parent
end

local function failed_rest_key(parent)
    return promoting .. '_failed:' .. parent
end

-- Whether all dependencies but the parent are met. Page by page: who waits for
-- thousands is looked at as often as one of them ends.
local function are_met(id, parent, allows_failures)
    local cursor = '0'
    repeat
        local page = call('SSCAN', dependencies_key(id), cursor, 'COUNT', 100)
        for _, other in ipairs(page[2]) do
            local status = other ~= parent and
                call('HGET', job_key(other), 'status')
            if status and status ~= '' and status ~= 'finished' and
                    not (status == 'failed' and allows_failures) then
                return false
            end
        end
        cursor = page[1]
    until cursor == '0'
    return true
end

-- The states in which a job waits to be promoted. RQ looks at canceled only:
-- there a job with two parents, of which one runs again, runs again as well.
local waiting = { deferred = true, created = true, [''] = true }

-- The dependent when it is to be enqueued now that its parent has this status.
local function ready(id, parent, parent_queue, status)
    if call('TYPE', job_key(id)).ok ~= 'hash' then
        return nil
    end
    local f = call('HMGET', job_key(id), 'status', 'origin', 'ttl', 'timeout',
        'allow_dependency_failures', 'enqueue_at_front', 'created_at')
    local allows = (whole(f[5]) or 0) ~= 0
    if not waiting[f[1] or ''] or (status == 'failed' and not allows) or
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

local function eldest_first(list)
    table.sort(list, function(a, b)
        if a.created_at ~= b.created_at then
            return a.created_at < b.created_at
        end
        return a.id < b.id
    end)
end

-- All who are ready, eldest first, or that there are too many to look at;
-- nothing is written. One with a key of a foreign type waits on, and keeps
-- neither its parent from ending nor the others from being enqueued, unless
-- (`strict`) somebody is there to be told.
local function find_ready(parent, parent_queue, status, strict)
    local list = {}
    if status ~= 'finished' and status ~= 'failed' then
        return list
    end
    must_be('hash', promoting)
    if call('SCARD', dependents_key(parent)) > PIECE or
            (looked_at[promoting] == 'hash' and
            call('HEXISTS', promoting, parent) == 1) then
        must_be('set', rest_key(parent))
        must_be('set', failed_rest_key(parent))
        list.later = status .. ':' .. parent_queue
        return list
    end
    for _, id in ipairs(call('SMEMBERS', dependents_key(parent))) do
        local ok, dependent = pcall(ready, id, parent, parent_queue, status)
        if not ok and strict then
            error(dependent)
        end
        list[#list + 1] = ok and dependent or nil
    end
    eldest_first(list)
    return list
end

local function enqueue_dependent(dependent, stamp)
    call('ZREM', deferred_key(dependent.queue), dependent.id)
    enqueue(dependent.id, dependent.queue, dependent, stamp, dependent.side)
end

local function join(from, to)
    if call('EXISTS', to) == 1 then
        call('SUNIONSTORE', to, to, from)
        call('DEL', from)
    elseif call('EXISTS', from) == 1 then
        call('RENAME', from, to)
    end
    call('PERSIST', to)
end

local function promote_later(parent, outcome)
    local from, rest = dependents_key(parent), rest_key(parent)
    local before = call('HGET', promoting, parent) or ''
    if before:find('^finished:') and outcome:find('^failed:') then
        join(from, failed_rest_key(parent))
        return
    end
    join(failed_rest_key(parent), rest)
    join(from, rest)
    call('HSET', promoting, parent, outcome)
end

-- What find_ready() found. Whether some are left for promote_rest.lua.
local function promote(parent, list, stamp)
    if list.later then
        promote_later(parent, list.later)
        return true
    end
    for _, dependent in ipairs(list) do
        enqueue_dependent(dependent, stamp)
        call('SREM', dependents_key(parent), dependent.id)
    end
    return false
end
