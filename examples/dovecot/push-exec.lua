-- Has Dovecot run xapplepush for each transaction, with what happened on its standard input.
-- For the Lua driver of push_notification in Dovecot 2.3 and 2.4, without any Lua package.
--
-- push.lua is the better choice for most: a delivery waits a millisecond for it, and for this script as long as
-- Node takes to start, some 30 to 50 ms. On the other hand this one needs no timer that reads the spool, and what it has
-- handed over is on the disk: no power cut takes it.
-- The command is waited for on purpose. In the background, each delivery would leave one more Node running, without
-- an end to their number, and each would hold Dovecot's sockets, that of the LMTP client and those on which Dovecot
-- listens among them. In the foreground it keeps none of them: it never waits for Apple, at most 0.9 s for its
-- database, and the process that talks to Apple closes whatever it inherits.
--
-- Dovecot needs, for each service that runs it (lmtp and imap):
--   vsz_limit = unlimited   Dovecot's default of 256 MB of address space is too little for Node to start. That is how
--                           2.4 writes it, and refuses to start with 0; 2.3 knows 0 only.
--   user = vmail            in service lmtp: the user that owns the mail. By default LMTP is root and only acts as
--                           that user, so that the command would be run by root. This script then refuses to run it.
--                           The userdb itself must say `uid`: mail_uid is not enough, and no mail is delivered then.
-- See 90-xapplepush-2.3.conf and 90-xapplepush-2.4.conf.
--
-- The mail user must not be able to change this file: LMTP runs its top level and script_init as root.

local DEFAULT_COMMAND = '/usr/bin/xapplepush'

-- Dovecot 2.4 names the command to script_init; 2.3 keeps it with the user.
local command_of_settings

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

-- The command line is made of the configuration alone, and of nothing that a shell could take for more than a path.
-- What happened goes to standard input; on standard error, complaints go to Dovecot's log.
local function command_line(command)
  if not command:find('^/[%w/._-]+$') then
    error('not run: the command must be a path of letters, digits and / . _ - only', 0)
  end
  return command .. ' >/dev/null'
end

-- io.popen would give the command the real user (proc_pid_status(5)), whoever LMTP acts as.
local function refuse_root()
  local status = io.open('/proc/self/status', 'r')
  if not status then
    return
  end
  local real_user = status:read('*a'):match('\nUid:%s+(%d+)')
  status:close()
  if real_user == '0' then
    error('not run as root: set the user of the service to the one who owns the mail', 0)
  end
end

local function run(command, line)
  local shell_command = command_line(command)
  refuse_root()
  local input, problem = io.popen(shell_command, 'w')
  if not input then
    error(problem, 0)
  end
  input:write(line)
  local ok, how, code = input:close()
  if not ok then
    error(('%s: %s %s'):format(command, tostring(how), tostring(code)), 0)
  end
end

-- 2.3 takes only the number 0 for success.
function script_init(settings)
  command_of_settings = type(settings) == 'table' and settings.command or nil
  return 0
end

function dovecot_lua_notify_begin_txn(user)
  return begin(user, 'xapplepush_command', command_of_settings or DEFAULT_COMMAND)
end

function dovecot_lua_notify_end_txn(transaction, success)
  finish(transaction, success, run)
end
