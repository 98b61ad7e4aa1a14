-- sched_event.lua - makes the jobs of an event, and acknowledges it.
--
-- KEYS  1 rq:queues  2 crq:alive  3 the stream
-- ARGV  1-15 patterns, see run.lua  16-17 see sched_leads.lua
--       18 group  19 the event's id  20 now, RQ's date-time
--       21 crq:scheduler:quarantine
--       22... for each job: application, which of its triggers, queue, "L" for
--       the front or "R" for the back, how many words follow, and the names
--       and values of its fields
--       the last: why one of the triggers has no job here, or ""
-- Returns { 1 done, 0 it does not wait any more, -1 the caller leads no more,
--           -2 it cannot be done (nothing was written); jobs made, jobs that
--           were there already; the reason: for -2, and for 1 of what was left
--           out and set aside, else "" }.
--
-- A trigger that can't have its job takes no other's away. The event is not
-- tried again then: those that were made would be made once more. So it is set
-- aside at once.
--
-- Waiting in the group is the fence: an event that was acknowledged never makes
-- a job again, whoever has read it, and whether or not its jobs are still
-- there. Two streams may have events of one id, so the id of a job has a bit of
-- the stream's name.
-- include run.lua
-- include move.lua
-- include sched_leads.lua
-- include sched_new.lua
-- include quarantine.lua

local stream, group, event, stamp = KEYS[3], ARGV[18], ARGV[19], ARGV[20]
local made, there, jobs, reason = 0, 0, {}, ARGV[#ARGV]

if not leads() then
    return { -1, 0, 0, '' }
end
if call('TYPE', stream).ok ~= 'stream' then
    return { 0, 0, 0, '' }
end
local waits = redis.pcall('XPENDING', stream, group, event, event, 1)
if waits.err or #waits == 0 then
    return { 0, 0, 0, '' }
end

local function check(job)
    check_move(job.queue)
    must_be('hash', job_key(job.id))
end

local at = 22
while at < #ARGV do
    local last = at + 4 + tonumber(ARGV[at + 4])
    local job = { queue = ARGV[at + 2], side = ARGV[at + 3],
        fields = { unpack(ARGV, at + 5, last) },
        id = table.concat({ ARGV[at], redis.sha1hex(stream):sub(1, 8),
            ARGV[at + 1], event }, '-') }
    local why = complaint(function() check(job) end)
    if not why then
        jobs[#jobs + 1] = job
    elseif reason == '' then
        reason = ARGV[at] .. ': ' .. why
    end
    at = last + 1
end
if #jobs == 0 and reason ~= '' then
    return { -2, 0, 0, reason }
end

for _, job in ipairs(jobs) do
    if call('EXISTS', job_key(job.id)) == 1 then
        there = there + 1
    else
        new_job(job.id, stamp, job.fields)
        local kept = call('HMGET', job_key(job.id), 'timeout', 'ttl')
        enqueue(job.id, job.queue, { timeout = kept[1], ttl = kept[2] }, stamp,
            job.side)
        made = made + 1
    end
end
if reason ~= '' then
    quarantine(ARGV[21], stream .. ' ' .. event, reason)
end
call('XACK', stream, group, event)
return { 1, made, there, reason }
