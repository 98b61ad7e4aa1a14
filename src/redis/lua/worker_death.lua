-- worker_death.lua - a worker leaves: RQ's register_death().
--
-- KEYS  1 rq:workers  2 the record  3... rq:workers:<queue> of its queues
-- ARGV  1 birth of the record  2 now, RQ's date-time  3 EXPIRE of the record
-- Returns 1, or 0: the record is another's, nothing was done.

local birth = redis.call('HGET', KEYS[2], 'birth')
if birth and birth ~= ARGV[1] then
    return 0
end
for i = 1, #KEYS do
    local kind = redis.call('TYPE', KEYS[i]).ok
    if i ~= 2 and kind ~= 'none' and kind ~= 'set' then
        return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is a ' .. kind)
    end
end
for i = 1, #KEYS do
    if i ~= 2 then
        redis.call('SREM', KEYS[i], KEYS[2])
    end
end
if birth then
    redis.call('HSET', KEYS[2], 'death', ARGV[2])
    redis.call('EXPIRE', KEYS[2], ARGV[3])
end
return 1
