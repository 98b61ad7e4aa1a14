-- sched_keep.lua - what a source declares is all there is of it: its triggers,
-- and its schedules, which sched_put.lua has registered. The rest goes.
--
-- KEYS  1 crq:schedules  2 crq:triggers
-- ARGV  1 pattern of a schedule's key  2 the source, without a line break
--       3 the application's name  4 its triggers as an app.json, or ""
--       5 crq:scheduler:wake  6... ids of schedules that stay
-- Returns { schedules removed, 1 when triggers were changed }.
--
-- A field of crq:triggers is an application's name; it holds the source, a line
-- break and the triggers. ".version" is counted up, for who keeps a copy.

local call = redis.call
local before, after = ARGV[1]:match('^(.*)%%(.*)$')
local name, mine = ARGV[3], ARGV[2] .. '\n'
local value = ARGV[4] ~= '' and mine .. ARGV[4] or nil
local stays, gone, stale, old = {}, {}, {}, nil

for i = 6, #ARGV do
    stays[ARGV[i]] = true
end
for _, id in ipairs(call('ZRANGE', KEYS[1], 0, -1)) do
    local key = before .. id .. after
    if not stays[id] and call('TYPE', key).ok == 'hash' and
            call('HGET', key, 'source') == ARGV[2] then
        gone[#gone + 1] = id
    end
end
local flat = call('HGETALL', KEYS[2])
for i = 1, #flat, 2 do
    if value and flat[i] == name then
        old = flat[i + 1]
    elseif flat[i + 1]:sub(1, #mine) == mine then
        stale[#stale + 1] = flat[i]
    end
end

-- First the write that Redis refuses when it is full.
local changed = value ~= old or #stale > 0
if changed then
    call('HINCRBY', KEYS[2], '.version', 1)
end
if value ~= old then
    call('HSET', KEYS[2], name, value)
end
for _, field in ipairs(stale) do
    call('HDEL', KEYS[2], field)
end
for _, id in ipairs(gone) do
    call('ZREM', KEYS[1], id)
    call('DEL', before .. id .. after)
end
if changed then
    call('PUBLISH', ARGV[5], '0')
end
return { #gone, changed and 1 or 0 }
