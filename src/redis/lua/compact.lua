-- compact.lua - takes ids without a job out of a stretch of a queue: RQ's
-- Queue.compact(), but in place and in steps.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 queue  17 place of the first id to look at  18 how many at most
-- Returns { ids taken out, place to go on from, or -1 at the end }. Repeated,
-- it finds none of those that it took out and may look further than it was to.
-- include run.lua

-- No id has a colon.
local NONE = 'crq:none'

local list, first, count = queue_key(ARGV[16]), tonumber(ARGV[17]),
    tonumber(ARGV[18])
must_be('list', list)
local ids, gone = call('LRANGE', list, first, first + count - 1), 0
for i, id in ipairs(ids) do
    if call('EXISTS', job_key(id)) == 0 then
        call('LSET', list, first + i - 1, NONE)
        gone = gone + 1
    end
end
if gone > 0 then
    call('LREM', list, 0, NONE)
end
return { gone, #ids == count and first + #ids - gone or -1 }
