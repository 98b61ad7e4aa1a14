-- errors.lua - what some jobs failed with.
--
-- KEYS  the streams of their results
-- ARGV  1 bytes of an error text at most
-- Returns for each the error text of its newest result, as that has it; "" for
-- what is not there. Only reads.

-- include error_of.lua

local found = {}
for i, stream in ipairs(KEYS) do
    found[i] = error_of(stream, ARGV[1])
end
return found
