-- sched_claim.lua - takes up events that were read and came no further: their
-- reader died, or they failed. Each time counts as a try.
--
-- KEYS  1 crq:scheduler:leader  2... streams
-- ARGV  1 the caller's token  2 group  3 consumer  4 for how many milliseconds
--       nothing has become of them  5 how many of a stream at most
-- Returns for each stream { how many events wait in all, { { id, fields } } };
-- fields are nil when the event was deleted. {} when the caller does not lead.

local call, answers = redis.call, {}
if call('GET', KEYS[1]) ~= ARGV[1] then
    return answers
end
for i = 2, #KEYS do
    local got = redis.pcall('XAUTOCLAIM', KEYS[i], ARGV[2], ARGV[3], ARGV[4],
        '0-0', 'COUNT', ARGV[5])
    local all = not got.err and call('XPENDING', KEYS[i], ARGV[2])
    answers[i - 1] = all and { all[1], got[2] } or { 0, {} }
end
return answers
