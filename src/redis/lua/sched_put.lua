-- sched_put.lua - registers a schedule, or replaces the one of its id.
--
-- KEYS  1 crq:schedules  2 the schedule  3 crq:scheduler:quarantine
-- ARGV  1 id  2 its next slot, unix seconds  3 runs left or ""
--       4 crq:scheduler:wake  5... names and values of its fields
-- Returns { 1 when it goes on in the phase of the old one, else 0,
--           its next slot }.
-- include quarantine.lua

local WHEN = { 'every', 'cron', 'tz', 'start' }
local DONE = { 'last', 'last_job', 'lateness' }
local new, old = {}, {}
for i = 5, #ARGV, 2 do
    new[ARGV[i]] = ARGV[i + 1]
end
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
local flat = redis.call('HGETALL', KEYS[2])
for i = 1, #flat, 2 do
    old[flat[i]] = flat[i + 1]
end

local same = score and old.next
for _, name in ipairs(WHEN) do
    same = same and old[name] == new[name]
end
local words = { 'HSET', KEYS[2], unpack(ARGV, 5) }
local function set(name, value)
    words[#words + 1], words[#words + 2] = name, value
end

local due, left = ARGV[2], ARGV[3]
if same then
    due = old.next
    if old['repeat'] == new['repeat'] then
        left = old.left or ''
    end
    for _, name in ipairs(DONE) do
        if old[name] then
            set(name, old[name])
        end
    end
    if old.created_at then
        set('created_at', old.created_at)
    end
end
set('next', due)
if left ~= '' then
    set('left', left)
end
-- First the write that Redis refuses when it is full.
redis.call('ZADD', KEYS[1], due, ARGV[1])
redis.call('DEL', KEYS[2])
redis.call(unpack(words))
unquarantine(KEYS[3], KEYS[1] .. ' ' .. ARGV[1])
redis.call('PUBLISH', ARGV[4], due)
return { same and 1 or 0, due }
