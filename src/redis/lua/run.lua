-- run.lua - what all scripts about runs share: keys and the fence.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns of keys as in model/keys.c; '%' stands for an id, a
--       queue, a stem or, in rq:execution:%:%, "<id>:<execution>"; the 14th
--       word has the two patterns that are crq's own, with a blank between

local call = redis.call

-- Returns a function that makes keys of the pattern in ARGV[nth], or in the
-- second half of that word.
local function keys_like(nth, second)
    local pattern = ARGV[nth]:match(second and ' (.*)$' or '^[^ ]+')
    local at = pattern:find('%', 1, true)
    local before, after = pattern:sub(1, at - 1), pattern:sub(at + 1)
    if after == '' or after == ':%' then
        return function(part) return before .. part end
    end
    return function(part) return before .. part .. after end
end

local job_key, dependents_key = keys_like(1), keys_like(2)
local dependencies_key, queue_key = keys_like(3), keys_like(4)
local intermediate_key, wip_key = keys_like(5), keys_like(6)
local executions_key, execution_key = keys_like(7), keys_like(8)
local results_key, finished_key = keys_like(9), keys_like(10)
local failed_key, deferred_key = keys_like(11), keys_like(12)
local scheduled_key, group_key = keys_like(13), keys_like(15)
local runs_key, log_key = keys_like(14), keys_like(14, true)

-- A script is not rolled back. So whatever may be of a foreign type is looked
-- at before the first write: this raises what the write would have raised.
-- Nothing in a script gives a key another type, so one look is enough.
local looked_at = {}

local function must_be(kind, key)
    local is = looked_at[key] or call('TYPE', key).ok
    if is ~= kind and is ~= 'none' then
        error({ err = 'WRONGTYPE ' .. key .. ' is a ' .. is .. ', not a ' ..
            kind })
    end
    looked_at[key] = is
end

-- The number of a text that is a whole one, else nil.
local function whole(text)
    if text and #text < 16 and text:find('^%-?%d+$') then
        return tonumber(text)
    end
    return nil
end

-- A hash as a table; nil when there is none, or something else.
local function read_hash(key)
    if call('TYPE', key).ok ~= 'hash' then
        return nil
    end
    local flat, fields = call('HGETALL', key), {}
    for i = 1, #flat, 2 do
        fields[flat[i]] = flat[i + 1]
    end
    return fields, flat
end

-- The fence: whether this execution may still write to its job.
local function holds(queue, id, execution)
    return call('ZSCORE', wip_key(queue), id .. ':' .. execution) and
        call('TYPE', job_key(id)).ok == 'hash'
end

local function check_execution(queue, id, execution, stem)
    must_be('zset', wip_key(queue))
    must_be('zset', executions_key(id))
    must_be('hash', execution_key(id .. ':' .. execution))
    must_be('hash', runs_key(stem))
    must_be('zset', KEYS[2])
end

-- When Redis is full it refuses what needs memory, but not behind a write of
-- the same script that needs none. Runs must go on and end then, too: this is
-- such a write, without an effect.
local passing = false

local function let_pass()
    if not passing then
        call('PERSIST', KEYS[2])
        passing = true
    end
end

-- Removes an execution from everywhere.
local function remove_execution(queue, id, execution, stem)
    let_pass()
    call('ZREM', wip_key(queue), id .. ':' .. execution)
    call('DEL', execution_key(id .. ':' .. execution))
    call('ZREM', executions_key(id), execution)
    call('HDEL', runs_key(stem), execution)
    if call('EXISTS', runs_key(stem)) == 0 then
        call('ZREM', KEYS[2], stem)
    end
end

-- How long a lease lasts, in seconds: RQ's get_heartbeat_ttl().
local function lease_ttl(timeout, interval)
    local limit = whole(timeout)
    if limit and limit > 0 and limit < interval then
        return limit + 60
    end
    return interval + 60
end

-- Enters or renews the lease of an execution whose hash is written.
local function lease(queue, id, execution, ttl, seconds)
    local run = id .. ':' .. execution
    call('EXPIRE', execution_key(run), ttl)
    call('ZADD', executions_key(id), seconds + ttl + 60, execution)
    call('EXPIRE', executions_key(id), ttl + 60)
    call('ZADD', wip_key(queue), seconds + ttl, run)
end

-- The log lives as long as its job; without a run and with a job that has no
-- end, a year. Behind whatever gives the job its TTL or takes it away.
local function age_log(id)
    if call('EXISTS', log_key(id)) == 0 then
        return
    end
    local left = call('PTTL', job_key(id))
    if left == -2 then
        call('DEL', log_key(id))
    else
        call('PEXPIRE', log_key(id), left > 0 and left or 31536000000)
    end
end

-- Redis's own time, for signs of life: seconds with a fraction.
local function redis_time()
    local t = call('TIME')
    return tonumber(t[1]) + tonumber(t[2]) / 1000000
end

-- A stem lists its runs as "<order>:<mark>:<length of id>:<id>:<queue>", the
-- mark being the field crq of the execution's hash: that expires, this doesn't.
local function run_entry(order, mark, id, queue)
    return string.format('%.0f:%s:%d:', order, mark, #id) .. id .. ':' .. queue
end

local function read_entry(entry)
    local order, mark, len, rest = entry:match('^(%d+):([%a-]+):(%d+):(.*)$')
    if not order then
        return nil
    end
    len = tonumber(len)
    return { order = tonumber(order), mark = mark, id = rest:sub(1, len),
        queue = rest:sub(len + 2) }
end

local function find_entry(stem, execution)
    local entry = call('HGET', runs_key(stem), execution)
    return entry and read_entry(entry) or nil
end
