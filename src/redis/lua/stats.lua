-- stats.lua - adds what a process has counted to what all have.
--
-- KEYS  1 the process's own key  2 crq:failures  3 crq:failures:counts
--       4 crq:failures:samples
-- ARGV  1 pattern of the counts of a queue  2 of those of a minute
--       3 number of this call, one more than that of the last
--       4 EXPIRE of the process's key  5 of counts  6 of a minute
--       7 how many causes are kept  8 seconds that a cause is kept
--       9 how many queues; of each: name, how many fields, { field, how much }
--       behind them of each cause: name, how often, unix time, sample
-- Returns 1, or 0: this call was counted before.
--
-- A key of another type is left alone, and a number that is none begins anew:
-- statistics stand in nobody's way. The minute is Redis's own, so that
-- machines whose clocks differ agree on it.
--
-- Whatever Redis refuses, to a user that may do little, say, it refuses as a
-- whole: what can be repeated without harm comes first and touches every key,
-- the adding comes last.

local call = redis.call

local function is(kind, key)
    local found = call('TYPE', key).ok
    return found == kind or found == 'none'
end

-- HINCRBY refuses a number in these words, and for no other reason.
local function is_no_number(why)
    return why:find('hash value is not', 1, true) or
        why:find('would overflow', 1, true)
end

-- What Redis refuses it with, or nil.
local function add(key, field, amount)
    local sum = redis.pcall('HINCRBY', key, field, amount)
    if type(sum) == 'table' and is_no_number(sum.err) then
        sum = redis.pcall('HSET', key, field, amount)
    end
    return type(sum) == 'table' and sum or nil
end

local remembers = is('string', KEYS[1])
if remembers and call('GET', KEYS[1]) == ARGV[3] then
    return 0
end

local now = tonumber(call('TIME')[1])
local minute = string.format('%.0f', math.floor(now / 60))

-- The patterns' parts: whatever a name holds is taken as it is.
local at = ARGV[1]:find('%', 1, true)
local ever = ARGV[1]:sub(1, at - 1)
at = ARGV[2]:find('%', 1, true)
local this_minute = ARGV[2]:sub(1, at - 1) .. minute ..
    ARGV[2]:sub(at + 1, #ARGV[2] - 1)

-- What is to be added: a key with the places of its fields, which their
-- numbers follow.
local sums = {}

local function will_add(key, ttl, first, last, step)
    if is('hash', key) then
        sums[#sums + 1] = { key = key, ttl = ttl, first = first, last = last,
            step = step }
    end
end

at = 10
for _ = 1, tonumber(ARGV[9]) do
    local name, last = ARGV[at], at + 1 + 2 * tonumber(ARGV[at + 1])
    will_add(ever .. name, ARGV[5], at + 2, last, 2)
    will_add(this_minute .. name, ARGV[6], at + 2, last, 2)
    at = last + 1
end
local causes = at <= #ARGV and is('zset', KEYS[2]) and
    is('hash', KEYS[3]) and is('hash', KEYS[4])
if causes then
    will_add(KEYS[3], ARGV[8], at, #ARGV, 4)
end

if remembers then
    call('SET', KEYS[1], ARGV[3], 'EX', ARGV[4])
end
local forgotten = {}
if causes then
    for i = at, #ARGV, 4 do
        call('ZADD', KEYS[2], ARGV[i + 2], ARGV[i])
        call('HSET', KEYS[4], ARGV[i], ARGV[i + 3])
    end
    local gone = call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[8],
        'LIMIT', 0, 100)
    local surplus = call('ZCARD', KEYS[2]) - #gone - tonumber(ARGV[7])
    if surplus > 0 then
        gone = call('ZRANGE', KEYS[2], 0, #gone + math.min(surplus, 100) - 1)
    end
    if #gone > 0 then
        for _, key in ipairs({ KEYS[3], KEYS[4] }) do
            call('HDEL', key, unpack(gone))
        end
        call('ZREM', KEYS[2], unpack(gone))
    end
    for _, cause in ipairs(gone) do
        forgotten[cause] = true
    end
    call('EXPIRE', KEYS[2], ARGV[8])
    call('EXPIRE', KEYS[4], ARGV[8])
end
for _, sum in ipairs(sums) do
    sum.lives = call('EXPIRE', sum.key, sum.ttl) == 1
end

for _, sum in ipairs(sums) do
    for i = sum.first, sum.last, sum.step do
        local refused = not (sum.step == 4 and forgotten[ARGV[i]]) and
            add(sum.key, ARGV[i], ARGV[i + 1])
        if refused then
            return refused
        end
    end
    if not sum.lives then
        call('EXPIRE', sum.key, sum.ttl)
    end
end
return 1
