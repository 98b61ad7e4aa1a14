-- sched_beat.lua - who leads, which locks are held, and what is due next.
--
-- KEYS  1 crq:scheduler:leader  2 rq:queues  3 crq:schedules
--       4 rq:scheduler:scheduled_jobs  5 rq:scheduler_lock
--       6 rq:scheduler:<name>  7 rq:scheduler_instance:<name>
--       8 rq:cron_schedulers  9 rq:cron_scheduler:<name>  10 crq:triggers
--       11 crq:scheduler:wanted
-- ARGV  1 token  2 milliseconds that a leader is believed
--       3 what its locks hold, "crq:<name>"  4 seconds that RQ's locks last
--       5 seconds that rq-scheduler's lasts
--       6-8 patterns of rq:queue:%, rq:scheduler-lock:%, rq:scheduled:%
--       9 name  10 host  11 pid  12 since when, RQ's date-time  13 now, the
--       same  14 now, unix seconds  15 pattern of crq:schedule:%
--       16... names of queues; none: all
-- Who waits says which queues it was started for, for a while: the one that
-- leads looks after them, too.
-- Returns { 1 it leads, 0 another does; when the first schedule, job of RQ and
--           entry of rq-scheduler are due, each unix seconds or "";
--           1 when rq-scheduler's lock is held; the queues whose lock is; the
--           version of the triggers, or "" }.

local call = redis.call
-- include sched_show.lua

local WANTED_S = 10
local FRESH_S = 10 -- locks are renewed when they are older than this
local token, mine = ARGV[1], ARGV[3]

-- A key of a foreign type is a lock that nobody gives back.
local function value_of(key)
    local is = call('TYPE', key).ok
    if is == 'string' then
        return call('GET', key)
    end
    return is ~= 'none' and 'foreign' or nil
end

-- crq's locks outlive a leader that died; whoever leads now takes them over.
local function hold(key, seconds)
    local value = value_of(key)
    if value and value:sub(1, 4) ~= 'crq:' then
        return false
    end
    if value ~= mine or call('TTL', key) < seconds - FRESH_S then
        call('SET', key, mine, 'EX', seconds)
    end
    return true
end

-- Unix seconds with six digits behind the point, rounded up: who comes then is
-- not too early. Redis writes a score as it likes, "1e-05".
local function first_of(key)
    local first = call('TYPE', key).ok == 'zset' and
        call('ZRANGEBYSCORE', key, 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
    return first and string.format('%.6f',
        math.ceil(tonumber(first) * 1000000) / 1000000) or nil
end

-- Queues that were named on command lines; "" stands for all.
local named = { unpack(ARGV, 16) }
if #named == 0 then
    named[1] = ''
end
local wanted = call('TYPE', KEYS[11]).ok
local at_s = tonumber(call('TIME')[1])

local leader = value_of(KEYS[1])
if leader and leader ~= token then
    if wanted == 'zset' or wanted == 'none' then
        for _, queue in ipairs(named) do
            call('ZADD', KEYS[11], at_s + WANTED_S, queue)
        end
        call('EXPIRE', KEYS[11], WANTED_S)
    end
    return { 0, '', '', '', 0, {}, '' }
end
call('SET', KEYS[1], token, 'PX', ARGV[2])

local function part(pattern, key)
    local at = pattern:find('%', 1, true)
    return key:sub(1, at - 1) == pattern:sub(1, at - 1) and key:sub(at) or nil
end

local function with(pattern, name)
    local at = pattern:find('%', 1, true)
    return pattern:sub(1, at - 1) .. name .. pattern:sub(at + 1)
end

local queues, seen = {}, { [''] = true }
local function add(queue)
    if queue and not seen[queue] then
        seen[queue] = true
        queues[#queues + 1] = queue
    end
end

local all = false
local function add_named(list)
    for _, queue in ipairs(list) do
        all = all or queue == ''
        add(queue)
    end
end
add_named(named)
if wanted == 'zset' then
    add_named(call('ZRANGEBYSCORE', KEYS[11], at_s, '+inf'))
end
if all and call('TYPE', KEYS[2]).ok == 'set' then
    for _, key in ipairs(call('SMEMBERS', KEYS[2])) do
        add(part(ARGV[6], key))
    end
end
table.sort(queues)

local held, first = {}, nil
for _, queue in ipairs(queues) do
    if hold(with(ARGV[7], queue), ARGV[4]) then
        held[#held + 1] = queue
        local due = first_of(with(ARGV[8], queue))
        if due and (not first or tonumber(due) < tonumber(first)) then
            first = due
        end
    end
end

-- What RQ's monitoring shows, while there are queues to work for.
if #held > 0 then
    local list = table.concat(held, ',')
    if call('TTL', KEYS[6]) < ARGV[4] - FRESH_S or
            call('HGET', KEYS[6], 'queues') ~= list then
        call('HSET', KEYS[6], 'name', ARGV[9], 'hostname', ARGV[10], 'pid',
            ARGV[11], 'queues', list, 'created_at', ARGV[12],
            'last_heartbeat', ARGV[13])
        call('EXPIRE', KEYS[6], ARGV[4])
    end
end

-- rq-scheduler's, while it has entries.
local periodic, holds = first_of(KEYS[4]), 0
if periodic and hold(KEYS[5], ARGV[5]) then
    holds = 1
    if call('TTL', KEYS[7]) < ARGV[5] - FRESH_S then
        call('HSETNX', KEYS[7], 'birth', ARGV[14])
        call('EXPIRE', KEYS[7], ARGV[5])
    end
elseif not periodic and value_of(KEYS[5]) == mine then
    call('DEL', KEYS[5])
end

-- crq's schedules.
local schedule = first_of(KEYS[3])
if schedule then
    show(KEYS[8], KEYS[9], { name = ARGV[9], hostname = ARGV[10],
        pid = ARGV[11], created_at = ARGV[12] }, ARGV[14], KEYS[3],
        function(id) return with(ARGV[15], id) end)
else
    forget_shown(KEYS[8], KEYS[9], ARGV[9])
end

local version = call('TYPE', KEYS[10]).ok == 'hash' and
    call('HGET', KEYS[10], '.version')
return { 1, schedule or '', first or '', periodic or '', holds, held,
    version or '' }
