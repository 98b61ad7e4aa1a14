-- joblog.lua - keeps lines that runs have logged.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16 bytes and 17 lines that a job's log holds at most: the newest
--       18... for each run: queue, id, execution, number of lines n, then for
--       each line: its number in the run, its time in unix seconds, its text
-- Returns for each run how many of its lines are kept now that were not
-- before, -1: its fence is gone, or { why it was refused }.
-- include run.lua

-- While a run lives; its heartbeats renew it. Then age_log() decides.
local LOG_S = 86400
local most_bytes, most_lines = tonumber(ARGV[16]), ARGV[17]

local function read_line(entry)
    local line = { text = '' }
    for i = 1, #entry[2], 2 do
        line[entry[2][i]] = entry[2][i + 1]
    end
    line.id = entry[1]
    line.sum = tonumber(line.sum) or 0
    line.number = tonumber(line.number) or 0
    return line
end

-- Each line says how many bytes there have ever been up to its end. So what
-- is too much is found at the old end, by looking at what is dropped only.
local function trim(key, sum)
    call('XTRIM', key, 'MAXLEN', most_lines)
    local from = '-'
    repeat
        local entries = call('XRANGE', key, from, '+', 'COUNT', 100)
        for _, entry in ipairs(entries) do
            local line = read_line(entry)
            if sum - line.sum + #line.text + 1 <= most_bytes then
                if from ~= '-' then
                    call('XTRIM', key, 'MINID', line.id)
                end
                return
            end
            from = '(' .. line.id
        end
    until #entries == 0
end

-- The last line tells what an earlier run of this same call has written: who
-- has no fence writes nothing, so no two executions write by turns.
local function keep(at, queue, id, execution, count)
    local key, kept = log_key(id), 0
    must_be('zset', wip_key(queue))
    must_be('zset', executions_key(id))
    must_be('stream', key)
    if call('TYPE', job_key(id)).ok ~= 'hash' or
            not (call('ZSCORE', wip_key(queue), id .. ':' .. execution) or
            call('ZSCORE', executions_key(id), execution)) then
        return -1
    end
    local newest = call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    local last = newest and read_line(newest) or { sum = 0 }
    local seen = last.execution_id == execution and last.number or 0
    local sum = last.sum
    for i = at, at + 3 * (count - 1), 3 do
        if tonumber(ARGV[i]) > seen then
            sum = sum + #ARGV[i + 2] + 1
            call('XADD', key, '*', 'execution_id', execution, 'number',
                ARGV[i], 'time', ARGV[i + 1], 'sum',
                string.format('%.0f', sum), 'text', ARGV[i + 2])
            kept = kept + 1
        end
    end
    if kept > 0 then
        call('EXPIRE', key, LOG_S)
        trim(key, sum)
    end
    return kept
end

local states, at = {}, 18
while at <= #ARGV do
    local count = tonumber(ARGV[at + 3])
    -- A key of a foreign type must not hold up the others.
    local ok, state = pcall(keep, at + 4, ARGV[at], ARGV[at + 1], ARGV[at + 2],
        count)
    if not ok then
        state = { type(state) == 'table' and state.err or tostring(state) }
    end
    states[#states + 1] = state
    at = at + 4 + 3 * count
end
return states
