-- page.lua - some entries of a queue or registry, from where a reader was on.
--
-- KEYS  1 the list or sorted set
-- ARGV  1 "list" or "zset"  2 how many  3 "" for the first page; else of the
--       last entry read its place in a list, its score in a sorted set
--       4 the last entry read
--       5 "oldest": from the front, from the lowest score; "newest": from the
--       back, from the highest: the same entries the other way round
-- Returns { 1 if there is more, place of the last entry in a list,
--           { entries, in a sorted set each with its score } }.
-- Only reads. An entry that has gone meanwhile is a place all the same: the
-- one where it would be by its score. In a list that is the front, for what
-- stood before it has gone, too; on the way to the front it is where it was:
-- to begin again at the back might never end.

local call, key, count = redis.call, KEYS[1], tonumber(ARGV[2])
local newest = ARGV[5] == 'newest'

-- The place of the last entry read in a list; it may be in there twice.
local function place_in_list()
    local hint = math.min(tonumber(ARGV[3]), call('LLEN', key))
    if call('LINDEX', key, hint) == ARGV[4] then
        return hint
    end
    local best
    for _, place in ipairs(call('LPOS', key, ARGV[4], 'COUNT', 0)) do
        if not best or math.abs(place - hint) < math.abs(best - hint) then
            best = place
        end
    end
    return best or (newest and hint or -1)
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

-- Whether the reader has still to come to an entry.
local function is_ahead(entry, score)
    local last, its = tonumber(ARGV[3]), tonumber(score)
    if its == last then
        if newest then
            return is_before(entry, ARGV[4])
        end
        return is_before(ARGV[4], entry)
    end
    return (its < last) == newest
end

-- How many entries of the sorted set the reader has behind him.
local function rank_in_zset(range)
    local low, high = 0, call('ZCARD', key)
    while low < high do
        local middle = math.floor((low + high) / 2)
        local at = call(range, key, middle, middle, 'WITHSCORES')
        if is_ahead(at[1], at[2]) then
            high = middle
        else
            low = middle + 1
        end
    end
    return low
end

-- From the back: LRANGE answers in the list's order, which is turned round.
local function list_backwards()
    local last = call('LLEN', key) - 1
    if ARGV[3] ~= '' then
        last = place_in_list() - 1
    end
    local first, ids = math.max(0, last - count + 1), {}
    -- Behind the front, LRANGE would begin again at the back.
    if last >= 0 then
        local range = call('LRANGE', key, first, last)
        for i = #range, 1, -1 do
            ids[#ids + 1] = range[i]
        end
    end
    return { first > 0 and 1 or 0, first, ids }
end

local first = 0
if ARGV[1] == 'list' then
    if newest then
        return list_backwards()
    end
    if ARGV[3] ~= '' then
        first = place_in_list() + 1
    end
    local ids = call('LRANGE', key, first, first + count - 1)
    local behind = first + #ids
    return { call('LLEN', key) > behind and 1 or 0, behind - 1, ids }
end
local range = newest and 'ZREVRANGE' or 'ZRANGE'
if ARGV[3] ~= '' then
    first = rank_in_zset(range)
end
local entries = call(range, key, first, first + count - 1, 'WITHSCORES')
return { call('ZCARD', key) > first + #entries / 2 and 1 or 0, 0, entries }
