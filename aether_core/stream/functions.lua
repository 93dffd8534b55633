#!lua name=aether
--[[
Server-side functions of Aether's streams. A function runs alone and its effects reach the
append-only file together, so a group is accepted with its idempotency keys or not at all.

A shard's idempotency keys lie in the parts of the window. A part is named for the millisecond in
which it was begun, and takes keys until it has lasted for its share of the window or holds as many
as memory allows. It consists of sixteen hashes, each of which expires by itself, a moment after the
one before: a server that frees all of a day's keys at once stands still for as long as that takes,
also when it does so in the background. A field is the key's digest; its value is milliseconds
(6 bytes), sequence (4), incarnation (4) and the beginning of the body's digest (6): field and value
just fit a block of 40 bytes.
]]

-- Shards whose stream somebody has compared with PostgreSQL, and the word that they left in the
-- meta key. It is kept in memory only: a server that starts, perhaps from an older copy of its data,
-- or that takes over from another one, accepts nothing before it is compared again. Otherwise the
-- first new entry would hide that older ones are missing.
local compared = {}

-- The parts by prefix, as they were last read.
local parts_of = {}

local BODY_SIZE = 6
local BUCKETS = 16
local BUCKET_APART_MS = 250
-- Lua's stack takes 8,000 values.
local FIELDS_MAX = 2000

-- Both Valkey and Redis know it by this name, but not yet while they load this file.
local call

-- starts: milliseconds, oldest first. buckets: for each of them the keys of its hashes, by the
-- digests' first half byte. expiring: the hashes that are known to expire.
local function parse_parts(prefix, text)
  local found = { text = text, starts = {}, buckets = {}, expiring = {} }
  for start in string.gmatch(text, '%d+') do
    local keys = {}
    for bucket = 0, BUCKETS - 1 do
      keys[bucket] = prefix .. start .. ':' .. bucket
    end
    table.insert(found.starts, tonumber(start))
    table.insert(found.buckets, keys)
  end
  parts_of[prefix] = found
  return found
end

local function read_parts(prefix)
  local text = call('GET', prefix .. 'parts') or ''
  local found = parts_of[prefix]
  if found and found.text == text then
    return found
  end
  return parse_parts(prefix, text)
end

local function write_parts(prefix, starts)
  local words = {}
  for index, start in ipairs(starts) do
    words[index] = string.format('%.0f', start)
  end
  local text = table.concat(words, ' ')
  call('SET', prefix .. 'parts', text)
  return parse_parts(prefix, text)
end

local function expire(key, bucket, at)
  call('PEXPIREAT', key, string.format('%.0f', at + bucket * BUCKET_APART_MS))
end

-- Begin a part. Those whose youngest key has left the window are forgotten, for they expire by
-- themselves; when there are too many the oldest must go now.
local function open_part(prefix, found, now, part_ms, count)
  local starts = { unpack(found.starts) }
  local newest = starts[#starts]
  starts[#starts + 1] = newest and math.max(now, newest + 1) or now
  local first = 1
  while first < #starts do
    local ended = math.min(starts[first] + part_ms, starts[first + 1])
    if ended + part_ms * count > now then
      if #starts - first <= count then
        break
      end
      for bucket, key in pairs(found.buckets[first]) do
        expire(key, bucket, now)
      end
    end
    first = first + 1
  end
  return write_parts(prefix, { unpack(starts, first) })
end

-- The parts, the last of which takes keys of this moment.
local function parts_at(prefix, now, part_ms, count)
  local found = read_parts(prefix)
  local newest = found.starts[#found.starts]
  if not newest or now - newest >= part_ms then
    found = open_part(prefix, found, now, part_ms, count)
  end
  return found
end

-- Share things out by bucket: bucket -> list. `width` values of the list belong to each digest,
-- the first of which it is.
local function by_bucket(list, width)
  local shared = {}
  for index = 1, #list, width do
    local bucket = string.byte(list[index]) % BUCKETS
    local own = shared[bucket]
    if not own then
      own = {}
      shared[bucket] = own
    end
    local size = #own
    own[size + 1] = list[index]
    if width == 2 then
      own[size + 2] = list[index + 1]
    end
  end
  return shared
end

-- Put fields and values into the part at this place.
local function remember(prefix, found, place, fields, terms)
  local part_ms, count = terms.part_ms, terms.part_count
  local full
  for bucket, own in pairs(by_bucket(fields, 2)) do
    local key = found.buckets[place][bucket]
    for first = 1, #own, FIELDS_MAX do
      call('HSET', key, unpack(own, first, math.min(first + FIELDS_MAX - 1, #own)))
    end
    if not found.expiring[key] then
      expire(key, bucket, found.starts[place] + part_ms * (count + 1))
      found.expiring[key] = true
    end
    full = key
  end
  -- They fill evenly: one of them tells for all.
  if place == #found.starts and call('HLEN', full) * BUCKETS >= terms.keys_max then
    open_part(prefix, found, found.starts[place] + 1, part_ms, count)
  end
end

local function milliseconds()
  local now = call('TIME')
  return tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
end

-- Which of the digests are known: digest -> value.
local function look_up(found, digests)
  local known = {}
  local shared = by_bucket(digests, 1)
  for place = 1, #found.starts do
    for bucket, own in pairs(shared) do
      local key = found.buckets[place][bucket]
      for first = 1, #own, FIELDS_MAX do
        local last = math.min(first + FIELDS_MAX - 1, #own)
        local values = call('HMGET', key, unpack(own, first, last))
        for index = 1, #values do
          if values[index] then
            known[own[first + index - 1]] = values[index]
          end
        end
      end
    end
  end
  return known
end

local function place_of(id)
  local ms, sequence = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(sequence)
end

local function replay_word(value)
  return string.format('=%.0f-%.0f-%.0f', struct.unpack('>I6I4I4', value))
end

--[[
Look at one shard's group before anything is changed.

terms: gateway, call token, most entries, milliseconds of a part, number of parts that make the
       window, most keys of a part
group: stream, meta, calls and prefix, incarnation (hex), the places in ARGV of its first and last
       value
Returns what `carry_out` needs; of it `answer` when this very call was carried out before, and
`is_refused` when a key was used with another body. Returns nil and an error when the group cannot
be accepted as a whole.
]]
local function plan(ARGV, terms, group)
  -- The same call again, after a lost answer: give that answer, append nothing.
  local last = call('HGET', group.calls, terms.gateway)
  if last and string.sub(last, 1, #terms.token) == terms.token then
    group.answer = string.sub(last, #terms.token + 1)
    return group
  end
  group.is_new_gateway = not last
  local meta = group.meta
  local agreed = call('HMGET', meta, 'incarnation', 'agreed')
  if compared[meta] ~= agreed[2] or agreed[1] ~= group.incarnation then
    return nil, 'AETHERINCARNATION the stream is another one'
  end
  local first, last_place = group.first, group.last
  if call('XLEN', group.stream) + (last_place - first + 1) / 3 > terms.most then
    return nil, 'AETHERFULL the backlog is at its limit'
  end

  local digests = {}
  for at = first, last_place, 3 do
    if ARGV[at] ~= '' then
      digests[#digests + 1] = ARGV[at]
    end
  end
  local known
  if #digests > 0 then
    group.parts = parts_at(group.prefix, milliseconds(), terms.part_ms, terms.part_count)
    known = look_up(group.parts, digests)
  end

  -- What becomes of each: a word, the place in ARGV of its twin, or nil for those that are new,
  -- whose places are gathered.
  local words, fresh = {}, {}
  for at = first, last_place, 3 do
    local digest = ARGV[at]
    local earlier = digest ~= '' and known[digest]
    if not earlier then
      fresh[#fresh + 1] = at
      if digest ~= '' then
        known[digest] = at
      end
    else
      local is_twin = type(earlier) == 'number'
      local body = is_twin and ARGV[earlier + 1] or string.sub(earlier, 15)
      if string.sub(body, 1, BODY_SIZE) ~= string.sub(ARGV[at + 1], 1, BODY_SIZE) then
        words[at] = '!'
        group.is_refused = true
      else
        words[at] = is_twin and earlier or replay_word(earlier)
      end
    end
  end
  group.known, group.words, group.fresh = known, words, fresh
  return group
end

-- The ids that were given, in as few words as they take.
local function tell(ARGV, group, ids, is_run)
  local words, known, out = group.words, group.known, {}
  local next_id, run = 1, 0
  for at = group.first, group.last + 1, 3 do
    local word = words[at]
    local is_fresh = not word and at <= group.last
    if run > 0 and not (is_fresh and is_run) then
      local id = ids[next_id - run]
      out[#out + 1] = run == 1 and id or id .. '+' .. run
      run = 0
    end
    if is_fresh then
      next_id, run = next_id + 1, run + 1
    elseif word then
      out[#out + 1] = type(word) == 'number' and replay_word(known[ARGV[at]]) or word
    end
  end
  return table.concat(out, ' ')
end

-- Append what is new of a group, remember its keys and the answer, which is returned.
local function carry_out(ARGV, terms, group)
  if group.answer then
    return group.answer
  end
  local stream, field, fresh = group.stream, group.incarnation, group.fresh
  local ids = {}
  for index = 1, #fresh do
    ids[index] = call('XADD', stream, '*', field, ARGV[fresh[index] + 2])
  end
  -- Time stands still in a function, so that the ids follow one another. (Redis 7.0's did not.)
  local ms, sequence, is_run
  if #ids > 0 then
    ms, sequence = place_of(ids[1])
    local last_ms, last_sequence = place_of(ids[#ids])
    is_run = last_ms == ms and last_sequence - sequence == #ids - 1
  end

  local fields, size = {}, 0
  local incarnation = tonumber(field, 16)
  for index = 1, #fresh do
    local digest = ARGV[fresh[index]]
    if digest ~= '' then
      local id_ms, id_sequence = ms, sequence + index - 1
      if not is_run then
        id_ms, id_sequence = place_of(ids[index])
      end
      local value = struct.pack('>I6I4I4', id_ms, id_sequence, incarnation)
        .. string.sub(ARGV[fresh[index] + 1], 1, BODY_SIZE)
      fields[size + 1], fields[size + 2] = digest, value
      size = size + 2
      group.known[digest] = value
    end
  end
  if size > 0 then
    remember(group.prefix, group.parts, #group.parts.starts, fields, terms)
  end

  local answer
  if is_run and #fresh == (group.last - group.first + 1) / 3 then
    answer = #fresh == 1 and ids[1] or ids[1] .. '+' .. #fresh
  else
    answer = tell(ARGV, group, ids, is_run)
  end
  if group.is_new_gateway and call('HLEN', group.calls) > 500 then
    call('UNLINK', group.calls)
  end
  call('HSET', group.calls, terms.gateway, terms.token .. answer)
  return answer
end

local function terms_of(ARGV)
  call = redis.call
  return {
    gateway = ARGV[1], token = ARGV[2], most = tonumber(ARGV[3]), part_ms = tonumber(ARGV[4]),
    part_count = tonumber(ARGV[5]), keys_max = tonumber(ARGV[6])
  }
end

--[[
Append one shard's group; an item that is refused does not harm the others.
KEYS  stream, meta, calls, prefix of the idempotency keys (all of one shard)
ARGV  gateway, call token, most entries, milliseconds of a part, number of parts that make the
      window, most keys of a part, incarnation (hex);
      then for each transaction: digest or '', body's digest, payload
Answer: words parted by blanks, in order: 'ms-seq' accepted; 'ms-seq+n' so many accepted, each with
the next sequence; '=ms-seq-incarnation' accepted before under this key; '!' the key was used with
another body. Errors refuse the whole group: AETHERINCARNATION (also until `agree` was called since
the server started), AETHERFULL.
]]
local function accept(KEYS, ARGV)
  local terms = terms_of(ARGV)
  local group, refusal = plan(ARGV, terms, {
    stream = KEYS[1], meta = KEYS[2], calls = KEYS[3], prefix = KEYS[4],
    incarnation = ARGV[7], first = 8, last = #ARGV
  })
  if not group then
    return redis.error_reply(refusal)
  end
  return carry_out(ARGV, terms, group)
end

--[[
Append the groups of several shards, all of them or nothing.
KEYS  those of `accept`, for each shard
ARGV  the first six of `accept`; then for each shard: incarnation (hex), number of transactions, and
      for each of them what `accept` takes
Answer: that of `accept` for each shard; where a key was used with another body nothing is appended
and the words are '!' for those and '-' for all others.
]]
local function accept_all(KEYS, ARGV)
  local terms = terms_of(ARGV)
  local groups, is_refused, at = {}, false, 7
  for key = 1, #KEYS, 4 do
    local last = at + 1 + tonumber(ARGV[at + 1]) * 3
    local group, refusal = plan(ARGV, terms, {
      stream = KEYS[key], meta = KEYS[key + 1], calls = KEYS[key + 2], prefix = KEYS[key + 3],
      incarnation = ARGV[at], first = at + 2, last = last
    })
    if not group then
      return redis.error_reply(refusal)
    end
    groups[#groups + 1] = group
    is_refused = is_refused or group.is_refused
    at = last + 1
  end
  local answers = {}
  for index, group in ipairs(groups) do
    if is_refused then
      local out = {}
      for place = group.first, group.last, 3 do
        out[#out + 1] = group.words[place] == '!' and '!' or '-'
      end
      answers[index] = table.concat(out, ' ')
    else
      answers[index] = carry_out(ARGV, terms, group)
    end
  end
  return answers
end

--[[
Reload idempotency keys from rows, before a new incarnation accepts anything.
KEYS  prefix of the idempotency keys
ARGV  milliseconds of a part, number of parts, most keys of a part, then for each key, oldest first:
      milliseconds of acceptance, digest, value
]]
local function remember_all(KEYS, ARGV)
  call = redis.call
  local prefix = KEYS[1]
  local part_ms, part_count = tonumber(ARGV[1]), tonumber(ARGV[2])
  local terms = { part_ms = part_ms, part_count = part_count, keys_max = tonumber(ARGV[3]) }
  local index = 4
  while index <= #ARGV do
    local found = parts_at(prefix, tonumber(ARGV[index]), part_ms, part_count)
    local place = #found.starts
    while place > 1 and found.starts[place] > tonumber(ARGV[index]) do
      place = place - 1
    end
    local from, til = found.starts[place], found.starts[place + 1] or found.starts[place] + part_ms
    local fields = {}
    repeat
      fields[#fields + 1], fields[#fields + 2] = ARGV[index + 1], ARGV[index + 2]
      index = index + 3
      local ms = tonumber(ARGV[index])
    until not ms or ms >= til or (ms < from and place > 1)
    remember(prefix, found, place, fields, terms)
  end
  return (#ARGV - 3) / 3
end

--[[
Say how much the memory of keys holds.
KEYS  prefix of the idempotency keys
Answer: the server's milliseconds; then for each part, oldest first: milliseconds of its beginning,
keys, bytes
]]
local function measure_keys(KEYS)
  call = redis.call
  local found = read_parts(KEYS[1])
  local answer = { milliseconds() }
  for place, keys in ipairs(found.buckets) do
    local count, size = 0, 0
    for _, key in pairs(keys) do
      count = count + call('HLEN', key)
      -- Managed servers may refuse it; then nobody knows.
      local used = redis.pcall('MEMORY', 'USAGE', key)
      size = size + (type(used) == 'number' and used or 0)
    end
    answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = found.starts[place], count, size
  end
  return answer
end

--[[
Let a shard's stream accept, after it was compared with PostgreSQL.
KEYS  meta
ARGV  incarnation (hex), a word that nobody else gives
]]
local function agree(KEYS, ARGV)
  call = redis.call
  call('HSET', KEYS[1], 'incarnation', ARGV[1], 'agreed', ARGV[2])
  compared[KEYS[1]] = ARGV[2]
  return 'OK'
end

redis.register_function('aether_accept', accept)
redis.register_function('aether_accept_all', accept_all)
-- Writers must be able to begin when memory is used up: only they make room.
redis.register_function{
  function_name = 'aether_agree', callback = agree, flags = {'allow-oom'}
}
redis.register_function('aether_remember', remember_all)
redis.register_function{
  function_name = 'aether_keys', callback = measure_keys, flags = {'no-writes'}
}
