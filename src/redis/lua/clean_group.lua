-- clean_group.lua - takes ids without a job out of a group, and a group
-- without ids out of the list: RQ's Group.clean_registries().
--
-- KEYS  1 rq:queues  2 crq:alive  3 rq:groups
-- ARGV  1-15 patterns, see run.lua
--       16 group  17 cursor, 0 at the beginning  18 how many to look at, about
-- Returns { cursor to go on from, 0 at the end, ids taken out, 1 if the group
-- is gone }.
-- include run.lua

local ids, gone = group_key(ARGV[16]), {}

must_be('set', KEYS[3])
must_be('set', ids)
local scanned = call('SSCAN', ids, ARGV[17], 'COUNT', ARGV[18])
for _, id in ipairs(scanned[2]) do
    if call('EXISTS', job_key(id)) == 0 then
        gone[#gone + 1] = id
    end
end
for _, id in ipairs(gone) do
    call('SREM', ids, id)
end
local left = call('EXISTS', ids)
if left == 0 then
    call('SREM', KEYS[3], ARGV[16])
end
return { scanned[1], #gone, 1 - left }
