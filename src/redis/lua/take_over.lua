-- take_over.lua - the runs of a worker that gives no sign of life any more.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 now, unix seconds with a fraction  17 now, RQ's date-time
--       18 the dead stem  19 how many runs at most
--       20 base64 of the error text of those that had begun
--       21 the stem of who asks, or "": nobody that can call a callback
--       22 seconds that a sign of life counts  23 a name of this call
-- Returns { 1 if it lives, runs put back, failed, retried, ended by others,
--           left until their deadline, { { id, queue, execution } } }.
-- The last are runs to be failed or retried whose job wants on_failure called
-- before: now they are runs of the stem that asked, which ends them.
-- include run.lua
-- include put_back.lua
-- include move.lua
-- include promote.lua
-- include ending.lua
-- include adopt.lua

local now, stamp, stem = tonumber(ARGV[16]), ARGV[17], ARGV[18]
local count = { back = 0, failed = 0, queued = 0, scheduled = 0, gone = 0,
    left = 0, adopted = 0 }
local me, adopted = ARGV[21], find_adopted(ARGV[21], ARGV[23])

local sign = call('ZSCORE', KEYS[2], stem)
if sign and tonumber(sign) >= redis_time() then
    return { 1, 0, 0, 0, 0, 0, adopted }
end

local runs = {}
local flat = call('HGETALL', runs_key(stem))
for i = 1, #flat, 2 do
    local run = read_entry(flat[i + 1])
    if run then
        run.execution = flat[i]
        runs[#runs + 1] = run
    else
        call('HDEL', runs_key(stem), flat[i])
    end
end
-- The last first, because each goes to the front.
table.sort(runs, function(a, b) return a.order > b.order end)

-- It had begun, and RQ's deadline has passed: RQ's StartedJobRegistry.cleanup()
-- but with the executions removed and an ended_at.
local function abandon(run)
    run.fields = read_hash(job_key(run.id))
    run.worker, run.now, run.enqueued, run.stamp = '', now, stamp, stamp
    check_ending(run)
    local again = has_retries(run.fields)
    local dependents = find_ready(run.id, run.queue,
        again and 'queued' or 'failed')
    remove_execution(run.queue, run.id, run.execution, stem)
    run.execution = nil
    local became = 'failed'
    if again then
        became = retry(run)
    else
        end_badly(run, 'failed', 2, 'exc_string', ARGV[20], dependents)
    end
    age_log(run.id)
    return became
end

local function take(run)
    local name = run.id .. ':' .. run.execution
    check_execution(run.queue, run.id, run.execution, stem)
    local deadline = call('ZSCORE', wip_key(run.queue), name)
    if not deadline or call('TYPE', job_key(run.id)).ok ~= 'hash' then
        remove_execution(run.queue, run.id, run.execution, stem)
        return 'gone'
    end
    if run.mark ~= 'begun' then
        check_put_back(run.queue)
        local marked = run.mark ~= 'waiting'
        put_back(run.queue, run.id, run.execution, stem, marked, marked)
        return 'back'
    elseif tonumber(deadline) > now then
        return 'left'
    elseif wants_call(read_hash(job_key(run.id)), me) then
        must_be('hash', runs_key(me))
        call('HDEL', runs_key(stem), run.execution)
        adopted[#adopted + 1] = adopt(run, me, ARGV[22], ARGV[23])
        return 'adopted'
    end
    return abandon(run)
end

local done = 0
for _, run in ipairs(runs) do
    if done == tonumber(ARGV[19]) then
        break
    end
    -- A key of a foreign type must not hold up the others.
    local ok, became = pcall(take, run)
    if not ok then
        became = 'left'
    end
    count[became] = count[became] + 1
    if became ~= 'left' then
        done = done + 1
    end
end
if call('EXISTS', runs_key(stem)) == 0 then
    call('ZREM', KEYS[2], stem)
elseif done < tonumber(ARGV[19]) then
    -- Only what has to wait is left. It must not stand in front of others that
    -- have died since.
    call('ZADD', KEYS[2], 'XX', redis_time() + ARGV[22], stem)
end
return { 0, count.back, count.failed, count.queued + count.scheduled,
    count.gone, count.left, adopted }
