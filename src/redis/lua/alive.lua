-- alive.lua - a worker's sign of life, and who gives none any more.
--
-- KEYS  1 crq:alive  2 crq:runs:<stem>
-- ARGV  1 stem  2 seconds a sign of life counts  3 how many dead to tell of
-- Returns { number of the stem's runs, { dead stems, but never this one },
--           milliseconds until the next of the others may be dead; -1: there
--           is none }.

local t = redis.call('TIME')
local now = tonumber(t[1]) + tonumber(t[2]) / 1000000
local runs = redis.call('HLEN', KEYS[2])
local dead = {}
for _, stem in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf',
        string.format('(%.6f', now), 'LIMIT', 0, ARGV[3])) do
    if stem ~= ARGV[1] then
        dead[#dead + 1] = stem
    end
end
if runs > 0 then
    -- A write that needs no memory lets the next one pass when Redis is full:
    -- else all who work would seem dead.
    redis.call('PERSIST', KEYS[1])
    redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
else
    redis.call('ZREM', KEYS[1], ARGV[1])
end

local next_ms = -1
for _, stem in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1],
        string.format('%.6f', now), '+inf', 'LIMIT', 0, 2)) do
    if stem ~= ARGV[1] then
        local sign = tonumber(redis.call('ZSCORE', KEYS[1], stem))
        next_ms = math.ceil((sign - now) * 1000)
        break
    end
end
return { runs, dead, next_ms }
