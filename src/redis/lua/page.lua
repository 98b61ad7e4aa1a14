-- page.lua - some entries of a queue or registry, from where a reader was on.
--
-- KEYS  1 the list or sorted set
-- ARGV  1 "list" or "zset"  2 how many  3 "" for the first page; else of the
--       last entry read its place in a list, its score in a sorted set
--       4 the last entry read
-- Returns { 1 if there is more, place of the first entry,
--           { entries, in a sorted set each with its score } }.
-- Only reads. An entry that has gone meanwhile is a place all the same: the
-- one where it would be by its score, or in a list the front, for what stood
-- before it has gone, too.

local call, key, count = redis.call, KEYS[1], tonumber(ARGV[2])

-- The place of the last entry read in a list; it may be in there twice.
local function place_in_list()
    local hint = tonumber(ARGV[3])
    if call('LINDEX', key, hint) == ARGV[4] then
        return hint
    end
    local best = -1
    for _, place in ipairs(call('LPOS', key, ARGV[4], 'COUNT', 0)) do
        if best < 0 or math.abs(place - hint) < math.abs(best - hint) then
            best = place
        end
    end
    return best
end

-- Byte by byte, as sorted sets do it; what Lua does depends on the locale.
local function is_before(a, b)
    for i = 1, math.min(#a, #b) do
        if a:byte(i) ~= b:byte(i) then
            return a:byte(i) < b:byte(i)
        end
    end
    return #a < #b
end

-- How many entries of the sorted set are not behind the last one read.
local function rank_in_zset()
    local score, low, high = tonumber(ARGV[3]), 0, call('ZCARD', key)
    while low < high do
        local middle = math.floor((low + high) / 2)
        local at = call('ZRANGE', key, middle, middle, 'WITHSCORES')
        local its = tonumber(at[2])
        if its > score or (its == score and is_before(ARGV[4], at[1])) then
            high = middle
        else
            low = middle + 1
        end
    end
    return low
end

local first = 0
if ARGV[1] == 'list' then
    if ARGV[3] ~= '' then
        first = place_in_list() + 1
    end
    local ids = call('LRANGE', key, first, first + count - 1)
    return { call('LLEN', key) > first + #ids and 1 or 0, first, ids }
end
if ARGV[3] ~= '' then
    first = rank_in_zset()
end
local entries = call('ZRANGE', key, first, first + count - 1, 'WITHSCORES')
return { call('ZCARD', key) > first + #entries / 2 and 1 or 0, first, entries }
