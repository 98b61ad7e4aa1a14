-- The error text of the newest result in a stream, as a result has it: "" when
-- there is none, or it has more than `most` bytes. Only reads.
local function error_of(stream, most)
    if redis.call('TYPE', stream).ok ~= 'stream' then
        return ''
    end
    local newest = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
    local fields = newest and newest[2] or {}
    for i = 1, #fields, 2 do
        if fields[i] == 'exc_string' and #fields[i + 1] <= tonumber(most) then
            return fields[i + 1]
        end
    end
    return ''
end
