-- stray.lua - what a dead Python worker left in its intermediate list.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 now, unix seconds with a fraction  17 queue
--       18 the keys of RQ's first_seen, but for the id
--       19 seconds until an id counts as stray  20 how many ids at most
-- Returns { ids put back to the front, removed, still waited for }.
-- include run.lua

local now, queue = tonumber(ARGV[16]), ARGV[17]
local list = intermediate_key(queue)
local back, removed, waits = 0, 0, 0

must_be('set', KEYS[1])
must_be('list', queue_key(queue))
must_be('zset', wip_key(queue))

local function is_started(id)
    for _, execution in ipairs(call('ZRANGE', executions_key(id), 0, -1)) do
        if call('ZSCORE', wip_key(queue), id .. ':' .. execution) then
            return true
        end
    end
    return call('ZSCORE', wip_key(queue), id) -- as RQ before 2.0 writes it
end

local function drop(id)
    call('LREM', list, 1, id)
    call('DEL', ARGV[18] .. id)
end

-- A job that has come further by another way is not put back.
local function look_at(id)
    local status = call('TYPE', job_key(id)).ok == 'hash' and
        call('HGET', job_key(id), 'status')
    local seen = tonumber(call('GET', ARGV[18] .. id))
    if status and is_started(id) then
        return
    elseif status ~= 'queued' and status ~= 'started' then
        drop(id)
        removed = removed + 1
    elseif not seen then
        call('SET', ARGV[18] .. id, ARGV[16], 'NX', 'EX', 86400)
        waits = waits + 1
    elseif now - seen <= tonumber(ARGV[19]) then
        waits = waits + 1
    elseif status == 'queued' and
            call('LPOS', queue_key(queue), id) then
        drop(id)
        removed = removed + 1
    else
        drop(id)
        call('HSET', job_key(id), 'status', 'queued')
        call('SADD', KEYS[1], queue_key(queue))
        call('LPUSH', queue_key(queue), id)
        back = back + 1
    end
end

local ids = call('LRANGE', list, 0, tonumber(ARGV[20]) - 1)
for nth = #ids, 1, -1 do
    -- A key of a foreign type must not hold up the others.
    if not pcall(look_at, ids[nth]) then
        waits = waits + 1
    end
end
return { back, removed, waits }
