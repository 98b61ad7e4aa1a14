-- claim.lua - takes jobs from queues; their runs wait for begin.lua.
--
-- KEYS  1 rq:queues  2 crq:alive  3 rq:suspended
-- ARGV  1-15 patterns, see run.lua
--       16 now, unix seconds with a fraction  17 now, RQ's date-time
--       18 stem  19 seconds a sign of life counts  20 monitoring interval
--       21 how many ids to look at  22 number of queues n, then their names
--       23 + n... for each slot: execution id, worker name
-- Returns { 1 if suspended, 1 if there may be more behind those looked at,
--           ids dropped because there is no job, it is canceled, it runs,
--           { { slot from 0, id, queue, execution, { field, value ... } } },
--           { { queue that was passed over, why } } }
--
-- A queue with a key of a foreign type, its own or one of a job in it, is
-- served up to that job; the others must not wait for it.
-- include run.lua

local now, stamp, stem = tonumber(ARGV[16]), ARGV[17], ARGV[18]
local seconds, interval = math.floor(now), tonumber(ARGV[20])
local look, queues = tonumber(ARGV[21]), tonumber(ARGV[22])
local first_slot = 23 + queues
local slots = (#ARGV - first_slot + 1) / 2
local dropped = { missing = 0, canceled = 0, running = 0 }
local jobs, passed_over = {}, {}

local function slot_word(slot, nth)
    return ARGV[first_slot + 2 * slot + nth]
end

local function answer(suspended, more)
    return { suspended, more, dropped.missing, dropped.canceled,
        dropped.running, jobs, passed_over }
end

-- ---- an earlier run of this same call?

must_be('zset', KEYS[2])
must_be('hash', runs_key(stem))
local executions = {}
for slot = 0, slots - 1 do
    executions[slot + 1] = slot_word(slot, 0)
end
local known = call('HMGET', runs_key(stem), unpack(executions))
local repeated = false
for slot = 0, slots - 1 do
    if known[slot + 1] then
        local run = read_entry(known[slot + 1])
        repeated = true
        if run and holds(run.queue, run.id, executions[slot + 1]) then
            jobs[#jobs + 1] = { slot, run.id, run.queue, executions[slot + 1],
                call('HGETALL', job_key(run.id)) }
        end
    end
end
if repeated then
    return answer(0, 0)
end
if call('EXISTS', KEYS[3]) == 1 then
    return answer(1, 0)
end

-- ---- looking, without writing anything

-- The executions of a job: one that lives, or those that don't any more.
local function live_or_stale(id, queue)
    local stale = {}
    for _, execution in ipairs(call('ZRANGE', executions_key(id), 0, -1)) do
        local run = id .. ':' .. execution
        local deadline = call('ZSCORE', wip_key(queue), run)
        if deadline and tonumber(deadline) > now and
                call('EXISTS', execution_key(run)) == 1 then
            return true
        end
        stale[#stale + 1] = execution
    end
    return false, stale
end

-- Of jobs' data, after which no more are taken: a call of bounded length.
local MOST_BYTES = 256 * 1024
local planned, plan, bytes = {}, {}, 0

local function consider(id, from)
    local fields, flat = read_hash(job_key(id))
    if not fields or (fields.data or '') == '' then
        dropped.missing = dropped.missing + 1
        return
    end
    if fields.status == 'canceled' then
        dropped.canceled = dropped.canceled + 1
        return
    end
    local queue = fields.origin or ''
    if queue == '' then
        queue = from
    end
    must_be('zset', wip_key(queue))
    must_be('list', intermediate_key(queue))
    must_be('list', queue_key(queue)) -- where it may have to go back to
    local lives, stale = live_or_stale(id, queue)
    if lives or planned[id] then
        dropped.running = dropped.running + 1
        return
    end
    planned[id], bytes = true, bytes + #fields.data
    plan[#plan + 1] = { id = id, queue = queue, fields = fields, flat = flat,
        stale = stale, execution = executions[#plan + 1] }
end

-- Looks at a queue until there is no slot left, no id, or one that cannot be
-- looked at; returns how many ids are to leave it.
local function survey(name)
    local list, at = queue_key(name), 0
    while #plan < slots and look > 0 and bytes < MOST_BYTES do
        local want = math.min(slots - #plan, look)
        local ids = call('LRANGE', list, at, at + want - 1)
        for _, id in ipairs(ids) do
            local ok, why = pcall(consider, id, name)
            if not ok then
                return at, why
            end
            at, look = at + 1, look - 1
            if bytes >= MOST_BYTES then
                return at
            end
        end
        if #ids < want then
            break
        end
    end
    return at
end

local taken = {}
for nth = 1, queues do
    local name = ARGV[22 + nth]
    local ok, at, why = pcall(must_be, 'list', queue_key(name))
    if ok then
        at, why = survey(name)
        if at > 0 then
            taken[#taken + 1] = { queue_key(name), at }
        end
    else
        why = at
    end
    if why then
        passed_over[#passed_over + 1] = { name,
            type(why) == 'table' and why.err or tostring(why) }
    end
end

-- ---- writing: nothing here can be refused

for _, from in ipairs(taken) do
    call('LTRIM', from[1], from[2], -1)
end

local redis_now = redis_time()
for i, job in ipairs(plan) do
    local slot, hash = i - 1, job_key(job.id)
    local run = job.id .. ':' .. job.execution
    for _, execution in ipairs(job.stale) do
        call('ZREM', wip_key(job.queue), job.id .. ':' .. execution)
        call('ZREM', executions_key(job.id), execution)
        call('DEL', execution_key(job.id .. ':' .. execution))
    end
    if looked_at[intermediate_key(job.queue)] == 'list' then
        call('LREM', intermediate_key(job.queue), 1, job.id)
    end

    call('HSET', execution_key(run), 'id', job.execution, 'created_at',
        ARGV[16], 'last_heartbeat', ARGV[16], 'crq', 'waiting')
    -- A ttl counts while the job waits: kept for the case that it is put back.
    local left = call('PTTL', hash)
    if left > 0 then
        call('HSET', execution_key(run), 'crq_expires',
            string.format('%.0f', redis_now * 1000 + left))
        call('PERSIST', hash)
    end
    lease(job.queue, job.id, job.execution,
        lease_ttl(job.fields.timeout, interval), seconds)
    call('HSET', hash, 'status', 'started', 'worker_name', slot_word(slot, 1),
        'last_heartbeat', stamp)
    call('HSET', runs_key(stem), job.execution,
        run_entry(now * 1000000 + slot, 'waiting', job.id, job.queue))
    jobs[i] = { slot, job.id, job.queue, job.execution, job.flat }
end
if #plan > 0 then
    call('ZADD', KEYS[2], redis_now + ARGV[19], stem)
end
local cut = look == 0 or bytes >= MOST_BYTES
return answer(0, cut and #plan < slots and 1 or 0)
