-- begin.lua - marks runs as begun, just before their tasks are called.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 now, unix seconds with a fraction  17 now, RQ's date-time
--       18 monitoring interval
--       19... for each run: stem, queue, id, execution, mark, worker name
-- Returns for each run 1, 0: its fence is gone, or { why it was refused }.
-- include run.lua
-- include alone.lua

local now, stamp, interval = ARGV[16], ARGV[17], tonumber(ARGV[18])

local function begin(stem, queue, id, execution, mark, worker)
    local hash = execution_key(id .. ':' .. execution)
    check_execution(queue, id, execution, stem)
    if not holds(queue, id, execution) then
        remove_execution(queue, id, execution, stem)
        return 0
    end
    local entry = find_entry(stem, execution)
    let_pass()
    call('HSET', hash, 'id', execution, 'last_heartbeat', now, 'crq', mark)
    call('HSETNX', hash, 'created_at', now)
    call('HSET', runs_key(stem), execution, run_entry(
        entry and entry.order or tonumber(now) * 1000000, mark, id, queue))
    lease(queue, id, execution, lease_ttl(call('HGET', job_key(id), 'timeout'),
        interval), math.floor(tonumber(now)))
    call('HSET', job_key(id), 'worker_name', worker, 'last_heartbeat', stamp)
    if not entry or entry.mark == 'waiting' then
        call('HSET', job_key(id), 'started_at', stamp)
    end
    return 1
end

return each_alone(begin, 19, 6)
