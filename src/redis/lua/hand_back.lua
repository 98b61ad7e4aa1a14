-- hand_back.lua - claimed jobs back to the front of their queues.
--
-- KEYS  1 rq:queues  2 crq:alive
-- ARGV  1-15 patterns, see run.lua
--       16... for each run, in the order of the claim: stem, queue, id,
--       execution, 1 if it has not begun whatever its mark says
-- Returns for each run 1, 0: its fence is gone, 2: it has begun and is not
-- resumable, nothing was done, or { why it was refused }.
-- include run.lua
-- include alone.lua
-- include put_back.lua

local function hand_back(stem, queue, id, execution, unbegun)
    check_execution(queue, id, execution, stem)
    check_put_back(queue)
    if not holds(queue, id, execution) then
        remove_execution(queue, id, execution, stem)
        return 0
    end
    local entry = find_entry(stem, execution)
    if unbegun ~= '1' and (not entry or entry.mark == 'begun') then
        return 2
    end
    local marked = not entry or entry.mark ~= 'waiting'
    put_back(queue, id, execution, stem, marked, marked and unbegun ~= '1')
    return 1
end

local states = {}
for nth = (#ARGV - 15) / 5, 1, -1 do
    local state, failed = alone(hand_back,
        unpack(ARGV, 11 + 5 * nth, 15 + 5 * nth))
    if failed then
        return failed
    end
    states[nth] = state
end
return states
