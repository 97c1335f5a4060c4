-- Tells xapplepush what happens in mailboxes, as files in its spool: one small file for each transaction.
-- For the Lua driver of push_notification in Dovecot 2.3 and 2.4, without any Lua package.
-- How it is loaded: 90-xapplepush-2.3.conf and 90-xapplepush-2.4.conf.
--
-- A file holds the user, the names of events and mailboxes, and whether a message is the user's own; nothing else of it.
-- Dovecot answers a delivery or an IMAP command only when this script has returned. So it writes that file, asks
-- nobody, and gives up at the first error, which it notes in Dovecot's log: mail is more than a push.
-- It does not wait for the disk, which Lua cannot: a power cut may take what came within half a minute before it.
--
-- The mail user must not be able to change this file: LMTP runs its top level and script_init as root.

local DEFAULT_SPOOL = '/var/spool/xapplepush'

-- Dovecot 2.4 names the spool to script_init; 2.3 keeps it with the user.
local spool_of_settings

-- == What both scripts do alike ==

-- Well-formed UTF-8 by its first byte (Unicode 15, table 3-7).
local WELL_FORMED = {
  '^[%z\1-\127]',
  '^[\194-\223][\128-\191]',
  '^\224[\160-\191][\128-\191]',
  '^[\225-\236\238\239][\128-\191][\128-\191]',
  '^\237[\128-\159][\128-\191]',
  '^\240[\144-\191][\128-\191][\128-\191]',
  '^[\241-\243][\128-\191][\128-\191][\128-\191]',
  '^\244[\128-\143][\128-\191][\128-\191]',
}
local REPLACEMENT_CHARACTER = '\239\191\189'

local function end_of_character(text, start)
  for _, sequence in ipairs(WELL_FORMED) do
    local _, stop = text:find(sequence, start)
    if stop then
      return stop
    end
  end
end

-- JSON is UTF-8: a byte that is none would cost the whole file.
local function utf8_of(text)
  if not text:find('[\128-\255]') then
    return text
  end
  local characters, start = {}, 1
  while start <= #text do
    local stop = end_of_character(text, start)
    characters[#characters + 1] = stop and text:sub(start, stop) or REPLACEMENT_CHARACTER
    start = (stop or start) + 1
  end
  return table.concat(characters)
end

local function escaped(character)
  return ('\\u%04x'):format(character:byte())
end

local function json_string(text)
  return '"' .. utf8_of(text):gsub('[%z\1-\31\127"\\]', escaped) .. '"'
end

local function warn(problem)
  pcall(function()
    dovecot.i_warning('xapplepush: ' .. tostring(problem))
  end)
end

-- Everything about a transaction is in the table that begin_txn returns. A MOVE is two transactions at a time, so
-- a global would mix them up; and a user in a global outlives its session, which crashes Dovecot.
local function begin(user, setting, default)
  local transaction = { events = {}, known = {}, setting = default }
  -- An error here would end the process between saving the message and saying so: it would be delivered twice.
  local ok, problem = pcall(function()
    transaction.user = user.username
    -- Dovecot 2.4 has no plugin_getenv.
    local found, value = pcall(function()
      return user:plugin_getenv(setting)
    end)
    if found and value and value ~= '' then
      transaction.setting = value
    end
  end)
  if not ok then
    warn(problem)
  end
  return transaction
end

-- The same event for many messages of a mailbox is one event.
local function note(transaction, event, flags)
  local text = '{"name":' .. json_string(event.name) .. ',"mailbox":' .. json_string(event.mailbox) .. flags .. '}'
  if not transaction.known[text] then
    transaction.known[text] = true
    table.insert(transaction.events, text)
  end
end

-- Hands the events over, unless they were rolled back or there are none.
local function finish(transaction, success, hand_over)
  if not success or not transaction.user or #transaction.events == 0 then
    return
  end
  local ok, problem = pcall(function()
    local events = table.concat(transaction.events, ',')
    local line = '{"dovecot":1,"user":' .. json_string(transaction.user) .. ',"events":[' .. events .. ']}\n'
    hand_over(transaction.setting, line)
  end)
  if not ok then
    warn(problem)
  end
end

local function note_message(transaction, event)
  note(transaction, event, '')
end

-- What the user has sent to themself wakes none of their devices but Apple's.
local function note_delivery(transaction, event)
  local from, user = event.from_address, transaction.user
  local is_own = type(from) == 'string' and type(user) == 'string' and from:lower() == user:lower()
  note(transaction, event, is_own and ',"own":true' or '')
end

-- Dovecot calls only those functions that exist. There is none for mailboxes on purpose: with one for their
-- creation, Dovecot 2.3.19 warns of a changed UIDVALIDITY whenever it makes a folder by itself.
dovecot_lua_notify_event_message_new = note_delivery
dovecot_lua_notify_event_message_read = note_message
dovecot_lua_notify_event_message_trash = note_message
dovecot_lua_notify_event_message_expunge = note_message

-- What of its flags counts, as the end of an event; nothing where none of them does.
local function flags_of(event, counting)
  local found = {}
  for _, flag in ipairs(event.flags or {}) do
    if counting[flag] then
      table.insert(found, counting[flag])
    end
  end
  return #found > 0 and ',"flags":[' .. table.concat(found, ',') .. ']' or nil
end

-- In JSON.
local SEEN = { ['\\Seen'] = '"\\\\Seen"' }
local SHOWN = { ['\\Flagged'] = '"\\\\Flagged"', ['\\Answered'] = '"\\\\Answered"' }

-- COPY and MOVE too: what is read already is no new mail.
function dovecot_lua_notify_event_message_append(transaction, event)
  note(transaction, event, flags_of(event, SEEN) or '')
end

-- Dovecot tells every change of flags, even one that clears or sets none.
local function note_flags(counting)
  return function(transaction, event)
    local flags = flags_of(event, counting)
    if flags then
      note(transaction, event, flags)
    end
  end
end

-- What counts is a message that becomes unread.
dovecot_lua_notify_event_flags_clear = note_flags(SEEN)

-- The configuration says whether anybody is told of it (events.FlagsSet).
dovecot_lua_notify_event_flags_set = note_flags(SHOWN)

-- == What this script does ==

-- LMTP makes a new Lua for every recipient: counters start again and math.random repeats itself, so only the
-- kernel's randomness keeps two names apart.
local function unpredictable_name()
  local source = assert(io.open('/dev/urandom', 'rb'))
  source:setvbuf('no')
  local bytes = source:read(8)
  source:close()
  assert(bytes and #bytes == 8, 'no random bytes in /dev/urandom')
  local hex = bytes:gsub('.', function(byte)
    return ('%02x'):format(byte:byte())
  end)
  return ('%d.%s.json'):format(os.time(), hex)
end

local function write(path, text)
  local file, problem = io.open(path, 'wb')
  if not file then
    return nil, problem
  end
  local written, write_problem = file:write(text)
  local closed, close_problem = file:close()
  return written and closed, write_problem or close_problem
end

-- Readers look into new/ only, so they never see half a file.
local function spool(folder, line)
  local name = unpredictable_name()
  local draft = folder .. '/tmp/' .. name
  local done, problem = write(draft, line)
  if done then
    done, problem = os.rename(draft, folder .. '/new/' .. name)
  end
  if not done then
    os.remove(draft)
    error('event not kept in ' .. folder .. ': ' .. tostring(problem), 0)
  end
end

-- 2.3 takes only the number 0 for success.
function script_init(settings)
  spool_of_settings = type(settings) == 'table' and settings.spool or nil
  return 0
end

function dovecot_lua_notify_begin_txn(user)
  return begin(user, 'xapplepush_spool', spool_of_settings or DEFAULT_SPOOL)
end

function dovecot_lua_notify_end_txn(transaction, success)
  finish(transaction, success, spool)
end
