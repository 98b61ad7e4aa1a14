-- sched_release.lua - a scheduler ends: its locks are free for others.
--
-- KEYS  1 crq:scheduler:leader  2 rq:queues  3 rq:scheduler_lock
--       4 rq:scheduler:<name>  5 rq:scheduler_instance:<name>
--       6 rq:cron_schedulers  7 rq:cron_scheduler:<name>
-- ARGV  1 token  2 what its locks hold  3-4 patterns of rq:queue:%,
--       rq:scheduler-lock:%  5 now, unix seconds  6 name
--       7... names of queues, besides those that there are
-- Returns how many locks were given back.

local call = redis.call
local count = 0

local function release(key, value)
    if call('TYPE', key).ok == 'string' and call('GET', key) == value then
        call('DEL', key)
        count = count + 1
    end
end

local function part(pattern, key)
    local at = pattern:find('%', 1, true)
    return key:sub(1, at - 1) == pattern:sub(1, at - 1) and key:sub(at) or nil
end

local function with(pattern, name)
    local at = pattern:find('%', 1, true)
    return pattern:sub(1, at - 1) .. name .. pattern:sub(at + 1)
end

-- Of all queues: it looked after those of others, too.
local queues = { unpack(ARGV, 7) }
if call('TYPE', KEYS[2]).ok == 'set' then
    for _, key in ipairs(call('SMEMBERS', KEYS[2])) do
        queues[#queues + 1] = part(ARGV[3], key)
    end
end
for _, queue in ipairs(queues) do
    release(with(ARGV[4], queue), ARGV[2])
end
release(KEYS[3], ARGV[2])
release(KEYS[1], ARGV[1])
call('DEL', KEYS[4], KEYS[7])
if call('TYPE', KEYS[6]).ok == 'zset' then
    call('ZREM', KEYS[6], ARGV[6])
end
if call('TYPE', KEYS[5]).ok == 'hash' then
    call('HSET', KEYS[5], 'death', ARGV[5])
    call('EXPIRE', KEYS[5], 60)
end
return count
