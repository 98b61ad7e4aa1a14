-- sched_tick.lua - makes the jobs of a schedule's slots, and moves it on.
--
-- KEYS  1 rq:queues  2 crq:alive  3 crq:schedules
-- ARGV  1-15 patterns, see run.lua  16-17 see sched_leads.lua
--       18 the schedule's key  19 its id  20 the next slot that the caller saw
--       21 the next one from now on, or "" when there is none
--       22 now, unix seconds with a fraction  23 now, RQ's date-time
--       24... for each slot: unix seconds with a fraction, and milliseconds
-- Returns { 1 done, 0 it is not as the caller saw it, -1 the caller leads no
--           more, -2 it cannot be done (nothing was written); jobs made, jobs
--           that were there already, slots passed over because the last job
--           has not ended; for -2 the reason }.
-- include run.lua
-- include move.lua
-- include sched_leads.lua
-- include sched_new.lua

local ENDED = { finished = true, failed = true, stopped = true,
    canceled = true }
local now, stamp = tonumber(ARGV[22]), ARGV[23]
local key, id = ARGV[18], ARGV[19]
local made, there, busy = 0, 0, 0

local function answer(state, why)
    return { state, made, there, busy, why or '' }
end

if not leads() then
    return answer(-1)
end
local fields, flat = read_hash(key)
if not fields or fields.next ~= ARGV[20] then
    return answer(0)
end
local queue = fields.queue or ''
local why = complaint(function()
    must_be('zset', KEYS[3])
    check_move(queue)
    if queue == '' or not fields['job.data'] then
        error({ err = 'it has no queue or no call' })
    end
    for i = 24, #ARGV, 2 do
        must_be('hash', job_key(id .. '-' .. ARGV[i + 1]))
    end
end)
if why then
    return answer(-2, why)
end

local job = {}
for i = 1, #flat, 2 do
    if flat[i]:sub(1, 4) == 'job.' then
        job[#job + 1] = flat[i]:sub(5)
        job[#job + 1] = flat[i + 1]
    end
end

-- The last job is that of an earlier tick: slots that are made up for together
-- do not keep each other out.
local function still_runs(last)
    if fields.overlap == 'allow' or not last or
            call('TYPE', job_key(last)).ok ~= 'hash' then
        return false
    end
    local status = call('HGET', job_key(last), 'status')
    return status and not ENDED[status]
end

local last, last_slot, left = fields.last_job, nil, whole(fields.left)
local occupied = still_runs(last)
for i = 24, #ARGV, 2 do
    local new = id .. '-' .. ARGV[i + 1]
    if left == 0 then
        break
    elseif call('EXISTS', job_key(new)) == 1 then
        there = there + 1
    elseif occupied then
        busy = busy + 1
    else
        new_job(new, stamp, job)
        enqueue(new, queue, { timeout = fields['job.timeout'],
            ttl = fields['job.ttl'] }, stamp, fields.at_front == '1' and 'L'
            or 'R')
        made, left, last, last_slot = made + 1, left and left - 1, new, ARGV[i]
    end
end

-- One that a file has declared is declared again whenever a scheduler starts,
-- and must not begin anew then: it stays, and is never due. Out of the file it
-- is removed as the others are.
local ends = ARGV[21] == '' or left == 0
if ends and (fields.source or '') == '' then
    call('ZREM', KEYS[3], id)
    call('DEL', key)
    return answer(1)
end
if ends then
    call('ZADD', KEYS[3], '+inf', id)
    left = 0
else
    call('ZADD', KEYS[3], ARGV[21], id)
    call('HSET', key, 'next', ARGV[21])
end
if last_slot then
    call('HSET', key, 'last', last_slot, 'last_job', last, 'lateness',
        string.format('%.6f', now - tonumber(last_slot)))
end
if left then
    call('HSET', key, 'left', left)
end
return answer(1)
