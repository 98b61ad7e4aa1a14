-- alone.lua - a call about several runs or jobs does what it can for each.

-- Redis takes no writes now, from anybody. That is no fault of this one, so the
-- call fails as a whole and is repeated later.
local function takes_no_writes(why)
    for _, word in ipairs({ 'READONLY', 'NOREPLICAS', 'MISCONF', 'MASTERDOWN',
        'OOM' }) do
        if why:find(word .. ' ', 1, true) then
            return true
        end
    end
    return false
end

-- What the step returns, or { why it was refused }: one with a key of a foreign
-- type must not hold up the others. Or nil, and what the script returns.
local function alone(step, ...)
    local ok, state = pcall(step, ...)
    if ok then
        return state
    end
    local why = type(state) == 'table' and state.err or tostring(state)
    if takes_no_writes(why) then
        return nil, redis.error_reply(why)
    end
    return { why }
end

-- The step for each `width` words of ARGV, from `first` on: what it returned for
-- each. Or what the script returns, which has an err.
local function each_alone(step, first, width)
    local states = {}
    for at = first, #ARGV, width do
        local state, failed = alone(step, unpack(ARGV, at, at + width - 1))
        if failed then
            return failed
        end
        states[#states + 1] = state
    end
    return states
end
