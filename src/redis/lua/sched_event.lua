-- sched_event.lua - makes the jobs of an event, and acknowledges it.
--
-- KEYS  1 rq:queues  2 crq:alive  3 the stream
-- ARGV  1-15 patterns, see run.lua  16-17 see sched_leads.lua
--       18 group  19 the event's id  20 now, RQ's date-time
--       21... for each job: application, which of its triggers, queue, "L" for
--       the front or "R" for the back, how many words follow, and the names
--       and values of its fields
-- Returns { 1 done, 0 it does not wait any more, -1 the caller leads no more,
--           -2 it cannot be done (nothing was written); jobs made, jobs that
--           were there already; for -2 the reason }.
--
-- Waiting in the group is the fence: an event that was acknowledged never makes
-- a job again, whoever has read it, and whether or not its jobs are still
-- there. Two streams may have events of one id, so the id of a job has a bit of
-- the stream's name.
-- include run.lua
-- include move.lua
-- include sched_leads.lua
-- include sched_new.lua

local stream, group, event, stamp = KEYS[3], ARGV[18], ARGV[19], ARGV[20]
local made, there, jobs = 0, 0, {}

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

local at = 21
while at <= #ARGV do
    local last = at + 4 + tonumber(ARGV[at + 4])
    jobs[#jobs + 1] = { queue = ARGV[at + 2], side = ARGV[at + 3],
        fields = { unpack(ARGV, at + 5, last) },
        id = table.concat({ ARGV[at], redis.sha1hex(stream):sub(1, 8),
            ARGV[at + 1], event }, '-') }
    at = last + 1
end
local why = complaint(function()
    for _, job in ipairs(jobs) do
        check_move(job.queue)
        must_be('hash', job_key(job.id))
    end
end)
if why then
    return { -2, 0, 0, why }
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
call('XACK', stream, group, event)
return { 1, made, there, '' }
