-- sched_leads.lua - for scripts of the scheduler, which also include run.lua.
--
-- ARGV  16 crq:scheduler:leader  17 the caller's token

-- A scheduler that was stopped or cut off for a while may think that it leads.
local function leads()
    return call('TYPE', ARGV[16]).ok == 'string' and
        call('GET', ARGV[16]) == ARGV[17]
end

-- What is wrong with keys is met before the first write: nil, or the reason.
local function complaint(check)
    local ok, why = pcall(check)
    if ok then
        return nil
    end
    return type(why) == 'table' and (why.err or '') or tostring(why)
end
