-- sched_leads.lua - for scripts of the scheduler, which also include run.lua.
--
-- ARGV  16 crq:scheduler:leader  17 the caller's token

-- A scheduler that was stopped or cut off for a while may think that it leads.
local function leads()
    return call('TYPE', ARGV[16]).ok == 'string' and
        call('GET', ARGV[16]) == ARGV[17]
end

-- What was raised, as text.
local function reason_of(raised)
    return type(raised) == 'table' and (raised.err or '') or tostring(raised)
end

-- What is wrong with keys is met before the first write: nil, or the reason.
local function complaint(check)
    local ok, raised = pcall(check)
    return not ok and reason_of(raised) or nil
end
