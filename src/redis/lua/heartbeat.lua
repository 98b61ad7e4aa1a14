-- heartbeat.lua - renews the leases of runs.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 now, unix seconds with a fraction  17 now, RQ's date-time
--       18... for each run: stem, queue, id, execution, seconds
-- Returns for each run 1, 0: its fence is gone, and the job is not canceled, or
-- { why it was refused }.
-- include run.lua
-- include alone.lua

local now, stamp = ARGV[16], ARGV[17]

-- A run whose job was canceled goes on. It has left rq:wip, and nothing else.
local function is_canceled(id, execution)
    return call('TYPE', job_key(id)).ok == 'hash' and
        call('HGET', job_key(id), 'status') == 'canceled' and
        call('ZSCORE', executions_key(id), execution)
end

local function renew_canceled(id, execution, ttl, seconds)
    call('EXPIRE', execution_key(id .. ':' .. execution), ttl)
    call('ZADD', executions_key(id), seconds + ttl + 60, execution)
    call('EXPIRE', executions_key(id), ttl + 60)
end

local function beat(stem, queue, id, execution, ttl)
    local hash = execution_key(id .. ':' .. execution)
    check_execution(queue, id, execution, stem)
    local fenced = holds(queue, id, execution)
    if not fenced and not is_canceled(id, execution) then
        remove_execution(queue, id, execution, stem)
        return 0
    end
    let_pass()
    -- RQ's readers want a whole hash, also when ours had expired.
    call('HSET', hash, 'id', execution, 'last_heartbeat', now)
    call('HSETNX', hash, 'created_at', now)
    local entry = find_entry(stem, execution)
    call('HSETNX', hash, 'crq', entry and entry.mark or 'begun')
    if fenced then
        lease(queue, id, execution, tonumber(ttl), math.floor(tonumber(now)))
    else
        renew_canceled(id, execution, tonumber(ttl),
            math.floor(tonumber(now)))
    end
    call('HSET', job_key(id), 'last_heartbeat', stamp)
    call('EXPIRE', log_key(id), 86400) -- as joblog.lua
    return 1
end

return each_alone(beat, 18, 5)
