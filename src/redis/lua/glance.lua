-- glance.lua - which queues have something for maintenance, so that idle
-- workers ask once and not for each.
--
-- KEYS  for each queue: its intermediate list, rq:workers:<queue>
-- ARGV  1 how many workers of a queue to look at, about
-- Returns for each queue 1, or 0: no id is half-taken, and every worker has a
-- record, none of which is RQ's before 2.0.

local call = redis.call

-- What cannot be looked at is for maintenance, which says why.
local function look(half_taken, workers)
    if call('LLEN', half_taken) > 0 then
        return 1
    end
    local scanned = call('SSCAN', workers, 0, 'COUNT', ARGV[1])
    for _, record in ipairs(scanned[2]) do
        if call('EXISTS', record) == 0 then
            return 1
        end
        local said = call('HMGET', record, 'version', 'python_version')
        if said[2] ~= '' and (said[1] or ''):find('^[01]%.') then
            return 1
        end
    end
    return scanned[1] == '0' and 0 or 1
end

local needed = {}
for at = 1, #KEYS, 2 do
    local ok, needs = pcall(look, KEYS[at], KEYS[at + 1])
    needed[#needed + 1] = ok and needs or 1
end
return needed
