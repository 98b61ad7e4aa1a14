-- app.lua - what the scripts of the applications have in common.
--
-- A script looks first, at types too, and then writes: nothing is rolled back,
-- and Redis looks whether there is memory at the first write only. What has
-- changed and the news of it are written together.
--
-- It answers with a JSON text, {"ok": ...} or {"refused": {"status": ...,
-- "title": ..., "detail": ...}}, which app_read() understands.

local call = redis.call
local clock = call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- cjson can't tell an empty list from an empty object; what it has read can't
-- either.
local LIST = {}

local function list(items)
    return setmetatable(items or {}, LIST)
end

local function json(v)
    if type(v) ~= 'table' then
        return cjson.encode(v)
    end
    local parts = {}
    if getmetatable(v) == LIST or v[1] ~= nil then
        for i, item in ipairs(v) do
            parts[i] = json(item)
        end
        return '[' .. table.concat(parts, ',') .. ']'
    end
    for name, item in pairs(v) do
        parts[#parts + 1] = cjson.encode(name) .. ':' .. json(item)
    end
    return '{' .. table.concat(parts, ',') .. '}'
end

local function ok(v)
    return json({ ok = v })
end

local function refuse(status, title, detail, extra)
    local why = extra or {}
    why.status, why.title, why.detail = status, title, detail
    return json({ refused = why })
end

local function must_be(kind, key)
    local is = call('TYPE', key).ok
    if is ~= kind and is ~= 'none' then
        error({ err = 'WRONGTYPE ' .. key .. ' is a ' .. is .. ', not a ' ..
            kind })
    end
end

-- A hash as a table; nil when there is none.
local function read_hash(key)
    must_be('hash', key)
    local flat, fields = call('HGETALL', key), {}
    for i = 1, #flat, 2 do
        fields[flat[i]] = flat[i + 1]
    end
    return #flat > 0 and fields or nil
end

local function publish(channel, kind, data)
    call('PUBLISH', channel, json({ type = kind, at_ms = now_ms,
        data = data }))
end

-- Append to a stream that keeps about so many entries. Other fields, for
-- triggers, stand behind.
local function append(stream, limit, kind, data, ...)
    return call('XADD', stream, 'MAXLEN', '~', limit, '*', 'type', kind,
        'at_ms', string.format('%.0f', now_ms), 'data', json(data), ...)
end

-- What a socket begins with: who it is, and one message that has the id of the
-- newest entry of the stream, so that nothing is missed between the two.
local function welcome(identity, stream, kind, data)
    local last = call('XREVRANGE', stream, '+', '-', 'COUNT', 1)
    local id = last[1] and last[1][1] or '0-0'
    return ok({ identity = identity, last_id = id, hello = list({
        { id = id, type = kind, at_ms = now_ms, data = data } }) })
end
