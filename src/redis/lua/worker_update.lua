-- worker_update.lua - what observers see of workers.
--
-- KEYS  none
-- ARGV  1 now, RQ's date-time, then for each record: its key, birth, EXPIRE,
--       state, current_job, current_job_working_time, successful_job_count,
--       failed_job_count, total_working_time, shutdown_requested_date;
--       "" for what it has not
-- Returns for each record 1, or 0: it is gone or another's.

local WIDTH = 10
local names = { 'current_job', 'current_job_working_time',
    'successful_job_count', 'failed_job_count', 'total_working_time',
    'shutdown_requested_date' }

local function update(key, birth, ttl, state, ...)
    if redis.call('TYPE', key).ok ~= 'hash' or
            redis.call('HGET', key, 'birth') ~= birth then
        return 0
    end
    local values = { ... }
    redis.call('HSET', key, 'state', state, 'last_heartbeat', ARGV[1])
    for i, name in ipairs(names) do
        if values[i] == '' then
            redis.call('HDEL', key, name)
        else
            redis.call('HSET', key, name, values[i])
        end
    end
    -- An update that comes behind the worker's death must not revive it.
    if redis.call('HEXISTS', key, 'death') == 0 then
        redis.call('EXPIRE', key, ttl)
    end
    return 1
end

local kept = {}
for at = 2, #ARGV, WIDTH do
    kept[#kept + 1] = update(unpack(ARGV, at, at + WIDTH - 1))
end
return kept
