-- sched_periodic_due.lua - rq-scheduler's entries that are due. Only reads.
--
-- KEYS  1 rq:scheduler:scheduled_jobs  2 crq:scheduler:quarantine
-- ARGV  1 pattern of a job's key  2 now, unix seconds
--       3 how many of the first are left out  4 how many at most
-- Returns { { id, score, 1 if there is a job, its meta or "" } }. What has been
-- reported as unreadable is left out until its score is another one.

local PAGE, LOOK = 1000, 10000 -- what was reported is looked past, so far
local before, after = ARGV[1]:match('^(.*)%%(.*)$')
local due, left_out, most = {}, tonumber(ARGV[3]), tonumber(ARGV[4])
local reports = redis.call('TYPE', KEYS[2]).ok == 'hash'

local function is_reported(id, score)
    local why = reports and
        redis.call('HGET', KEYS[2], KEYS[1] .. ' ' .. id)
    local begin = 'due ' .. score .. ': '
    return why and why:sub(1, #begin) == begin
end

local function look_at(id, score)
    if #due == most or is_reported(id, score) then
        return
    end
    if left_out > 0 then
        left_out = left_out - 1
        return
    end
    local key, data, meta = before .. id .. after, nil, nil
    if redis.call('TYPE', key).ok == 'hash' then
        local f = redis.call('HMGET', key, 'data', 'meta')
        data, meta = f[1], f[2]
    end
    due[#due + 1] = { id, score, (data or '') ~= '' and 1 or 0, meta or '' }
end

for offset = 0, LOOK - PAGE, PAGE do
    local flat = redis.call('ZRANGEBYSCORE', KEYS[1], 0, ARGV[2],
        'WITHSCORES', 'LIMIT', offset, PAGE)
    for i = 1, #flat, 2 do
        look_at(flat[i], flat[i + 1])
    end
    if #due == most or #flat < 2 * PAGE then
        break
    end
end
return due
