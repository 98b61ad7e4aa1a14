-- sched_rq.lua - enqueues what is due in rq:scheduled:<queue>: RQ's scheduler,
-- RQScheduler.enqueue_scheduled_jobs().
--
-- KEYS  1 rq:queues  2 crq:alive  3 crq:scheduler:quarantine
-- ARGV  1-15 patterns, see run.lua  16-17 see sched_leads.lua
--       18 pattern of rq:scheduler-lock:%  19 what the caller's locks hold
--       20 now, unix seconds with a fraction  21 now, RQ's date-time
--       22 how many at most  23... names of queues, who is first comes first
-- Returns { 1, or -1 when the caller leads no more; jobs enqueued; ids dropped
--           that have no job; ids set aside; 1 when there may be more; reason
--           of the last one set aside }. A queue is passed over when the
--           caller's lock is not there.
-- include run.lua
-- include move.lua
-- include sched_leads.lua
-- include quarantine.lua

local now, stamp, room = ARGV[20], ARGV[21], tonumber(ARGV[22])
local lock_key = keys_like(18)
local moved, dropped, aside, more, reason = 0, 0, 0, 0, ''

if not leads() then
    return { -1, 0, 0, 0, 0, '' }
end

local function is_set(text)
    return (whole(text) or 0) ~= 0
end

-- RQ's Job.should_enqueue_at_front().
local function side_of(f)
    if is_set(f[3]) or (is_set(f[4]) and (f[5] or '') ~= '') then
        return 'L'
    end
    return 'R'
end

local function set_aside(list, id, why)
    quarantine(KEYS[3], list .. ' ' .. id, why)
    call('ZREM', list, id)
    aside, reason = aside + 1, why
end

local function take(queue, id)
    local list, is = scheduled_key(queue), call('TYPE', job_key(id)).ok
    if is ~= 'none' and is ~= 'hash' then
        set_aside(list, id, job_key(id) .. ' is a ' .. is)
        return
    end
    local f = call('HMGET', job_key(id), 'timeout', 'ttl', 'enqueue_at_front',
        'enqueue_at_front_on_retry', 'ended_at', 'data')
    if (f[6] or '') == '' then
        call('ZREM', list, id)
        dropped = dropped + 1
        return
    end
    enqueue(id, queue, { timeout = f[1], ttl = f[2] }, stamp, side_of(f))
    call('ZREM', list, id)
    moved = moved + 1
end

local function due_of(queue)
    if call('TYPE', scheduled_key(queue)).ok ~= 'zset' then
        return {}
    end
    return call('ZRANGEBYSCORE', scheduled_key(queue), 0, now, 'LIMIT', 0, room)
end

for nth = 23, #ARGV do
    local queue = ARGV[nth]
    local ids = due_of(queue)
    local why = #ids > 0 and complaint(function()
        must_be('string', lock_key(queue))
        check_move(queue)
    end)
    if why then
        reason = why
    elseif #ids > 0 and call('GET', lock_key(queue)) == ARGV[19] then
        for _, id in ipairs(ids) do
            take(queue, id)
        end
        room = room - #ids
        if room == 0 then
            more = 1
            break
        end
    end
end
return { 1, moved, dropped, aside, more, reason }
