-- sched_tick.lua - makes the jobs of schedules' slots, and moves them on.
--
-- KEYS  1 rq:queues  2 crq:alive  3 crq:schedules
-- ARGV  1-15 patterns, see run.lua  16-17 see sched_leads.lua
--       18 pattern of a schedule's key  19 now, unix seconds with a fraction
--       20 now, RQ's date-time
--       21... for each schedule: its id, the next slot that the caller saw,
--       the next one from now on, or "" when there is none, how many slots are
--       to be run, and for each of them: unix seconds with a fraction, and
--       milliseconds
-- Returns for each schedule, in their order, { 1 done, 0 it is not as the
--           caller saw it, -1 the caller leads no more, -2 it cannot be done
--           (nothing was written), -3 Redis has refused a write; jobs made,
--           jobs that were there already, slots passed over because the last
--           job has not ended; for -2 and -3 the reason }.
--
-- Each is by itself: whatever is wrong with one, the others are done.
-- include run.lua
-- include move.lua
-- include sched_leads.lua
-- include sched_new.lua

local ENDED = { finished = true, failed = true, stopped = true,
    canceled = true }
local MOST_FIELDS = 1000 -- of a job: what unpack() can take
local now, stamp = tonumber(ARGV[19]), ARGV[20]
local before, after = ARGV[18]:match('^(.*)%%(.*)$')

-- The words about one schedule, and where those of the next begin.
local function read_task(at)
    local task = { id = ARGV[at], seen = ARGV[at + 1], following = ARGV[at + 2],
        slots = {}, key = before .. ARGV[at] .. after }
    local last = at + 3 + 2 * tonumber(ARGV[at + 3])
    for i = at + 4, last, 2 do
        task.slots[#task.slots + 1] = { at = ARGV[i],
            job = ARGV[at] .. '-' .. ARGV[i + 1] }
    end
    return task, last + 1
end

-- The fields that each of its jobs gets.
local function job_fields(flat)
    local job = {}
    for i = 1, #flat, 2 do
        if flat[i]:sub(1, 4) == 'job.' then
            job[#job + 1] = flat[i]:sub(5)
            job[#job + 1] = flat[i + 1]
        end
    end
    return job
end

-- The last job is that of an earlier tick: slots that are made up for together
-- do not keep each other out.
local function still_runs(fields)
    if fields.overlap == 'allow' or not fields.last_job or
            call('TYPE', job_key(fields.last_job)).ok ~= 'hash' then
        return false
    end
    local status = call('HGET', job_key(fields.last_job), 'status')
    return status and not ENDED[status]
end

-- Counts into `done`; the newest slot that was run, and the runs left.
local function make_jobs(task, fields, job, done)
    local newest, left = nil, whole(fields.left)
    local occupied = #task.slots > 0 and still_runs(fields)
    for _, slot in ipairs(task.slots) do
        if left == 0 then
            break
        elseif call('EXISTS', job_key(slot.job)) == 1 then
            done.there = done.there + 1
        elseif occupied then
            done.busy = done.busy + 1
        else
            new_job(slot.job, stamp, job)
            enqueue(slot.job, fields.queue, { timeout = fields['job.timeout'],
                ttl = fields['job.ttl'] }, stamp, fields.at_front == '1' and
                'L' or 'R')
            done.made, left, newest = done.made + 1, left and left - 1, slot
        end
    end
    return newest, left
end

-- One that a file has declared is declared again whenever a scheduler starts,
-- and must not begin anew then: it stays, and is never due. Out of the file it
-- is removed as the others are.
local function move_on(task, fields, newest, left)
    local ends = task.following == '' or left == 0
    if ends and (fields.source or '') == '' then
        call('ZREM', KEYS[3], task.id)
        call('DEL', task.key)
        return
    end
    local words = {}
    local function set(name, value)
        words[#words + 1], words[#words + 2] = name, value
    end
    if ends then
        left = 0
    else
        set('next', task.following)
    end
    if newest then
        set('last', newest.at)
        set('last_job', newest.job)
        set('lateness', string.format('%.6f', now - tonumber(newest.at)))
    end
    if left then
        set('left', left)
    end
    call('ZADD', KEYS[3], ends and '+inf' or task.following, task.id)
    call('HSET', task.key, unpack(words))
end

local function tick(task, done)
    local fields, flat = read_hash(task.key)
    if not fields or fields.next ~= task.seen then
        return 0
    end
    local job = job_fields(flat)
    local why = complaint(function()
        must_be('zset', KEYS[3])
        check_move(fields.queue or '')
        if (fields.queue or '') == '' or not fields['job.data'] then
            error({ err = 'it has no queue or no call' })
        end
        if #job > 2 * MOST_FIELDS then
            error({ err = 'its jobs have too many fields' })
        end
        for _, slot in ipairs(task.slots) do
            must_be('hash', job_key(slot.job))
        end
    end)
    if why then
        return -2, why
    end
    move_on(task, fields, make_jobs(task, fields, job, done))
    return 1
end

local leading, at, answers = leads(), 21, {}
while at <= #ARGV do
    local task, done = nil, { made = 0, there = 0, busy = 0 }
    local ok, state, why = true, -1, nil
    task, at = read_task(at)
    if leading then
        ok, state, why = pcall(tick, task, done)
    end
    if not ok then
        state, why = -3, reason_of(state)
    end
    answers[#answers + 1] = { state, done.made, done.there, done.busy,
        why or '' }
end
return answers
