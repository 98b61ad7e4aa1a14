-- game.lua - the game that all of the buzzer's scripts are about.
--
-- These have in common, besides what people.lua says: KEYS 4 the buzzes of this
-- round, 5 the stream of events.
--
-- The game is a hash: host_name, status (closed, open, resolved), round,
-- opened_ms, next_id; first: the player whose buzz started the window of an
-- open round; winner of a resolved one; resolved, the last BUZZER_RESOLVED, with `correct`
-- once it was judged.
-- Buzzes are JSON by the player's id; a token leads to "host" or to a player's
-- id.

must_be('hash', KEYS[4])
must_be('stream', KEYS[5])

local buzzes = {}
for id, text in pairs(read_hash(KEYS[4]) or {}) do
    buzzes[id] = cjson.decode(text)
end

local function tell(kind, data)
    append(KEYS[5], 1000, kind, data)
    publish('buzzer:live:' .. CODE, kind, data)
end

local function shown_players()
    local all = list()
    for i, player in ipairs(players) do
        all[i] = { id = player.id, name = player.name, score = player.score,
            out = player.out or false, present = present(player) }
    end
    return all
end

local function shown()
    return {
        game = { code = CODE, host_name = fields.host_name,
            status = fields.status, round = number('round') },
        me = role and { id = role, pressed = buzzes[role] or cjson.null } or
            cjson.null,
        players = shown_players(),
        resolved = fields.resolved and cjson.decode(fields.resolved) or
            cjson.null,
        now_ms = now_ms,
    }
end

-- ---- what is refused; nil when nothing is

local function no_game()
    return not fields and refuse(404, 'No such game',
        'There is no game ' .. CODE .. '.') or nil
end

local function no_host()
    return no_game() or role ~= 'host' and refuse(403, 'Not the host',
        'Only the host of this game may do that.') or nil
end

local function no_player()
    return no_game() or not by_id[role] and refuse(403, 'Not a player',
        'Only a player of this game may do that.') or nil
end

-- ---- rounds

-- A new round begins. Its number is in whatever belongs to it, so what is left
-- of an earlier one has no effect.
local function open_round()
    set({ status = 'open', round = number('round') + 1, opened_ms = now_ms,
        first = false, winner = false, resolved = false })
    call('DEL', KEYS[4])
    local out = list()
    for _, player in ipairs(players) do
        if player.out then
            out[#out + 1] = player.id
        end
    end
    tell('BUZZER_ACTIVE', { round = number('round'), out = out })
end

-- Who has pressed first: the smallest time, of equal ones the one that came
-- first. There is at least one buzz.
local function resolve_round()
    local order = {}
    for id, buzz in pairs(buzzes) do
        buzz.id = id
        order[#order + 1] = buzz
    end
    table.sort(order, function(a, b)
        if a.ms ~= b.ms then
            return a.ms < b.ms
        elseif a.arrived_ms ~= b.arrived_ms then
            return a.arrived_ms < b.arrived_ms
        end
        return a.nth < b.nth
    end)
    local times = list()
    for i, buzz in ipairs(order) do
        times[i] = { id = buzz.id, ms = buzz.ms, early = buzz.early,
            estimated = buzz.estimated,
            name = by_id[buzz.id] and by_id[buzz.id].name or '' }
    end
    local news = { round = number('round'), winner = times[1].id,
        winner_name = times[1].name, times = times,
        tie = times[2] ~= nil and times[1].ms == times[2].ms }
    set({ status = 'resolved', winner = news.winner, resolved = json(news),
        first = false })
    tell('BUZZER_RESOLVED', news)
end
