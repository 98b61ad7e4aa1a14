-- people.lua - the players of a room or a game, behind app.lua.
--
-- KEYS 1 the room or game, a hash, 2 its players, JSON by id, 3 whose a token
-- is; ARGV 1 its code, 2 the token of who acts, or "". All of its keys live
-- four hours after the last change.

local CODE, TOKEN = ARGV[1], ARGV[2]
local LIFE_S = 4 * 3600
local fields = read_hash(KEYS[1])
must_be('hash', KEYS[3])

-- Who acts: what the token leads to; nil when it is nobody's.
local role = fields and TOKEN ~= '' and call('HGET', KEYS[3], TOKEN) or nil

local players, by_id = {}, {}
for id, text in pairs(read_hash(KEYS[2]) or {}) do
    local player = cjson.decode(text)
    player.id = id
    players[#players + 1], by_id[id] = player, player
end
table.sort(players, function(a, b) return a.nth < b.nth end)

local function number(name)
    return tonumber(fields[name]) or 0
end

-- Write fields of the room or game; false takes one away. What needs memory
-- comes first.
local function set(new)
    local words, gone = {}, {}
    for name, value in pairs(new) do
        fields[name] = value and tostring(value) or nil
        if value then
            words[#words + 1], words[#words + 2] = name, fields[name]
        else
            gone[#gone + 1] = name
        end
    end
    call('HSET', KEYS[1], unpack(words))
    if #gone > 0 then
        call('HDEL', KEYS[1], unpack(gone))
    end
end

local function set_player(player)
    call('HSET', KEYS[2], player.id, cjson.encode(player))
end

-- Behind the last write of a script, for all keys that are the room's own.
local function live_on(keys)
    for i = 1, keys do
        call('EXPIRE', KEYS[i], LIFE_S)
    end
end

-- Whether somebody can be waited for. Who has never had a socket may play by
-- other means.
local function present(player)
    return player.socket ~= ''
end

-- A socket of a player was opened, "+ID", or has left, "-ID": whether that
-- changes who is present. The newest one counts, so when an older one leaves,
-- however late that is told, it is no news.
local function note_socket(player, what)
    local was, id = present(player), 'id ' .. what:sub(2)
    if what:sub(1, 1) == '+' then
        player.socket, player.since_ms = id, now_ms
    elseif player.socket == id then
        player.socket = ''
    end
    set_player(player)
    return was ~= present(player)
end

-- A new player, unless why_not_join() has a reason.
local function add_player(name)
    local nth = number('next_id')
    local player = { id = 'p' .. nth, nth = nth, name = name, score = 0 }
    players[#players + 1], by_id[player.id] = player, player
    call('HSET', KEYS[3], TOKEN, player.id)
    set({ next_id = nth + 1 })
    return player
end

local function why_not_join(name, limit)
    if #players >= limit then
        return refuse(409, 'Full', 'All ' .. #players .. ' places are taken.')
    end
    for _, player in ipairs(players) do
        if player.name:lower() == name:lower() then
            return refuse(409, 'Name taken', 'There is a player called ' ..
                player.name .. ' already.')
        end
    end
    return nil
end
