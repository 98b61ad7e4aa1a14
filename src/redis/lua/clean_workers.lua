-- clean_workers.lua - takes workers without a record out of the sets: RQ's
-- clean_worker_registry().
--
-- KEYS  1 rq:workers  2 rq:workers:<queue>
-- ARGV  1 cursor, 0 at the beginning  2 how many to look at, about
-- Returns { cursor to go on from, 0 at the end, workers taken out,
--           { record, version } of each worker of RQ before 2.0 }.

local call = redis.call
local gone, old = 0, {}

for _, key in ipairs(KEYS) do
    call('SCARD', key) -- of a foreign type: met before anything is written
end
local scanned = call('SSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2])
for _, record in ipairs(scanned[2]) do
    if call('EXISTS', record) == 0 then
        call('SREM', KEYS[2], record)
        call('SREM', KEYS[1], record)
        gone = gone + 1
    elseif call('TYPE', record).ok == 'hash' then
        -- crq's records say no version of Python.
        local said = call('HMGET', record, 'version', 'python_version')
        if said[2] ~= '' and (said[1] or ''):find('^[01]%.') then
            old[#old + 1] = { record, said[1] }
        end
    end
end
return { scanned[1], gone, old }
