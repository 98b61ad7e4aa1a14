-- sched_streams.lua - makes the group of streams that have none, from their
-- beginning on, and the streams that are not there.
--
-- KEYS  the streams
-- ARGV  1 the group
-- Returns for each "", or why it cannot be read.

local answers = {}
for i, key in ipairs(KEYS) do
    local is = redis.call('TYPE', key).ok
    answers[i] = ''
    if is ~= 'none' and is ~= 'stream' then
        answers[i] = 'it is a ' .. is
    else
        local made = redis.pcall('XGROUP', 'CREATE', key, ARGV[1], '0',
            'MKSTREAM')
        if made.err and not made.err:find('^BUSYGROUP') then
            answers[i] = made.err
        end
    end
end
return answers
