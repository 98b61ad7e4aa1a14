-- worker_birth.lua - a worker enters its record.
--
-- KEYS  1 rq:workers  2 the record  3... rq:workers:<queue> of its queues
-- ARGV  1 EXPIRE of the record  2 birth of a record that may be replaced, or ""
--       3... names and values of fields, birth first
-- Returns { 1 }, or, because the name is taken, { 0, birth, hostname, pid }.

local old = redis.call('HMGET', KEYS[2], 'birth', 'hostname', 'pid', 'death')
-- The same birth of the same process: this call was here before.
local ours = old[1] == ARGV[4] and old[2] and old[3]
for i = 3, #ARGV, 2 do
    if ARGV[i] == 'hostname' or ARGV[i] == 'pid' then
        ours = ours and ARGV[i + 1] == old[ARGV[i] == 'pid' and 3 or 2]
    end
end
if redis.call('EXISTS', KEYS[2]) == 1 and not old[4] and not ours and
        (ARGV[2] == '' or old[1] ~= ARGV[2]) then
    return { 0, old[1] or '', old[2] or '', old[3] or '' }
end
for i = 1, #KEYS do
    local kind = redis.call('TYPE', KEYS[i]).ok
    if kind ~= 'none' and kind ~= (i == 2 and 'hash' or 'set') then
        return redis.error_reply('WRONGTYPE ' .. KEYS[i] .. ' is a ' .. kind)
    end
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[2], ARGV[1])
for i = 1, #KEYS do
    if i ~= 2 then
        redis.call('SADD', KEYS[i], KEYS[2])
    end
end
return { 1 }
